"""Which of STORE's bursts memory has answered, and so which commands are done."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.config import SEMAPHORES, Config

from .interfaces import INDEX_BITS
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
    fires, last
        A burst is requested; it is the last one of a command.
    post, index
        Of that command. Held commands: constant until it ``closes``.
    ready
        A command may be requested.
    done
        A response has come.
    waits
        A command is requested as a whole and not answered as a whole.
    closes, closing_post, closing_index
        This response is the last one of the oldest such command, whose ``post`` and ``index``
        these are.
    open
        Bursts are requested and not answered.
    """

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
    open: Signal

    def __init__(self, config: Config, depth: int):
        self.config = config
        self.depth = depth
        super().__init__(
            {
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
                "open": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        requested, answered = Signal(OPEN_BITS), Signal(OPEN_BITS)
        following, end = Signal(OPEN_BITS, init=1), Signal(OPEN_BITS)  # answers with one more
        m.d.comb += [
            self.closes.eq(self.waits & Mux(self.done, following == end, answered == end)),
            self.open.eq(requested != answered),
        ]
        m.d.sync += requested.eq(requested + self.fires)
        with m.If(self.done):
            m.d.sync += [answered.eq(following), following.eq(following + 1)]
        if self.config.held_commands:
            with m.If(self.last):
                m.d.sync += self.waits.eq(1)
            with m.Elif(self.closes):
                m.d.sync += self.waits.eq(0)
            m.d.comb += [
                self.ready.eq(1),
                end.eq(requested),
                self.closing_post.eq(self.post),
                self.closing_index.eq(self.index),
            ]
            return m
        layout = data.StructLayout({"end": OPEN_BITS, "post": SEMAPHORES, "index": INDEX_BITS})
        m.submodules.closing = closing = ReadyFifo(layout, self.depth)
        m.d.comb += [
            self.ready.eq(closing.i.ready),
            closing.i.valid.eq(self.last),
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
