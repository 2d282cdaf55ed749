"""Which of STORE's bursts memory has answered, and so which commands are done."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.config import SEMAPHORES, Config

from .interfaces import INDEX_BITS
from .keep import KEEP
from .memory_port import OPEN_BITS
from .word_fifo import ReadyFifo


class StoreAnswers(wiring.Component):
    """Counts requests and responses: a command is done when as many came back as went out.

    With `Config.held_commands` there is one command at a time: what is kept of it is that all of
    it is requested.

    Parameters
    ----------
    config
        Sizes.
    depth
        Commands that may be requested and not answered; held commands are one.

    Members
    -------
    enters
        A command's bursts are requested from the next cycle on.
    fires, last
        A burst is requested; it is the last one of a command. They count a cycle later.
    post, index
        Of that command, in the cycle in which it counts. Held commands: constant until it
        ``closes``.
    ready
        A command may be requested.
    done
        A response has come.
    waits
        A command is requested as a whole and not answered as a whole.
    closes, closing_post, closing_index
        This response is the last one of the oldest such command, whose ``post`` and ``index``
        these are.
    idle
        No command has entered and is not done. Held commands: but for what is not requested yet.
    open
        Bursts are requested and not answered.
    """

    enters: Signal
    fires: Signal
    last: Signal
    post: Signal
    index: Signal
    ready: Signal
    done: Signal
    waits: Signal
    closes: Signal
    closing_post: Signal
    closing_index: Signal
    idle: Signal
    open: Signal

    def __init__(self, config: Config, depth: int):
        self.config = config
        self.depth = depth
        super().__init__(
            {
                "enters": In(1),
                "fires": In(1),
                "last": In(1),
                "post": In(SEMAPHORES),
                "index": In(INDEX_BITS),
                "ready": Out(1),
                "done": In(1),
                "waits": Out(1),
                "closes": Out(1),
                "closing_post": Out(SEMAPHORES),
                "closing_index": Out(INDEX_BITS),
                "idle": Out(1),
                "open": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        requested, answered = Signal(OPEN_BITS), Signal(OPEN_BITS)
        following, end = Signal(OPEN_BITS, init=1), Signal(OPEN_BITS)  # answers with one more
        fired, ends = Signal(), Signal()  # in the last cycle a burst was requested, a last one
        with_this, without = Signal(attrs=KEEP), Signal(attrs=KEEP)  # `done` comes last
        m.d.comb += [
            with_this.eq(self.waits & (following == end)),
            without.eq(self.waits & (answered == end)),
            self.closes.eq(Mux(self.done, with_this, without)),
            self.open.eq((requested != answered) | fired),
        ]
        m.d.sync += [fired.eq(self.fires), ends.eq(self.last), requested.eq(requested + fired)]
        with m.If(self.done):
            m.d.sync += [answered.eq(following), following.eq(following + 1)]
        if self.config.held_commands:
            with m.If(ends):
                m.d.sync += self.waits.eq(1)
            with m.Elif(self.closes):
                m.d.sync += self.waits.eq(0)
            m.d.comb += [
                self.ready.eq(1),
                self.idle.eq(~self.waits & ~fired),
                end.eq(requested),
                self.closing_post.eq(self.post),
                self.closing_index.eq(self.index),
            ]
            return m
        layout = data.StructLayout({"end": OPEN_BITS, "post": SEMAPHORES, "index": INDEX_BITS})
        m.submodules.closing = closing = ReadyFifo(layout, self.depth)
        # A command that enters counts a cycle later, for no other one enters then.
        entered, commands = Signal(), Signal(range(self.depth + 1))
        m.d.sync += [entered.eq(self.enters), commands.eq(commands + entered - self.closes)]
        m.d.comb += [
            self.ready.eq(commands != self.depth),
            self.idle.eq((commands == 0) & ~entered),
            closing.i.valid.eq(ends),
            closing.i.payload.end.eq(requested + 1),
            closing.i.payload.post.eq(self.post),
            closing.i.payload.index.eq(self.index),
            self.waits.eq(closing.o.valid),
            closing.o.ready.eq(self.closes),
            end.eq(closing.o.payload.end),
            self.closing_post.eq(closing.o.payload.post),
            self.closing_index.eq(closing.o.payload.index),
        ]
        return m
