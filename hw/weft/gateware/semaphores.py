"""The sixteen counting semaphores, and the gate in which a command waits for its set."""

from functools import reduce
from operator import or_

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import Engine
from weft.config import SEMAPHORE_MAX, SEMAPHORES

from .interfaces import command_layout
from .keep import KEEP

SEMAPHORE_BITS = SEMAPHORE_MAX.bit_length()


class Semaphores(wiring.Component):
    """All counters side by side: bit b of every counter lies in one vector, ``plane_b``.

    Counting is then a carry from vector to vector, for all semaphores at once; how far it would go
    stands in the vectors, and is known before there is one. Within a cycle a semaphore is posted at
    most once and taken at most once, for each has one posting and one waiting engine; a post and a
    take together leave it as it is. Both come from far and are counted a cycle later. What is one
    too many shows in the top vector.

    Members
    -------
    post, taken
        The semaphores posted in this cycle, and those taken in the last one. What is taken must be
        within ``nonzero`` of that cycle, and have none of the one before it.
    nonzero
        Semaphores above zero; a post shows here in the next cycle, a take in the one after that.
    overflow
        A semaphore is above its maximum: the second cycle after the post that was too many.
    """

    post: Signal
    taken: Signal
    nonzero: Signal
    overflow: Signal

    latency = 1
    """Cycles from a post to ``nonzero``."""

    def __init__(self):
        super().__init__(
            {
                "post": In(SEMAPHORES),
                "taken": In(SEMAPHORES),
                "nonzero": Out(SEMAPHORES),
                "overflow": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the planes and their carries."""
        m = Module()
        planes = [Signal(SEMAPHORES, name=f"plane_{bit}") for bit in range(SEMAPHORE_BITS + 1)]
        posted = Signal(SEMAPHORES)  # in the last cycle
        m.d.sync += posted.eq(self.post)
        # Kept beside the planes: every gate looks at it. What is taken comes late, posts come last.
        one = planes[0] & ~reduce(or_, planes[1:])
        gone, stays = Signal(SEMAPHORES, attrs=KEEP), Signal(SEMAPHORES, attrs=KEEP)
        m.d.comb += [gone.eq(one & ~posted), stays.eq(self.nonzero & ~(self.taken & gone))]
        m.d.sync += self.nonzero.eq(self.post | stays)
        ones = zeros = Const(-1, SEMAPHORES)  # of all lower planes
        for bit, plane in enumerate(planes):
            # One less if it is taken, and one more if not; a post and a take are nothing.
            taken, left = (
                Signal(SEMAPHORES, name=f"{name}_{bit}", attrs=KEEP) for name in ("taken", "left")
            )
            m.d.comb += [taken.eq(plane ^ (~posted & zeros)), left.eq(plane ^ (posted & ones))]
            m.d.sync += plane.eq((self.taken & taken) | (~self.taken & left))
            ones, zeros = ones & plane, zeros & ~plane

        m.d.comb += self.overflow.eq(planes[-1].any())
        return m


class Gate(wiring.Component):
    """Holds the next command of an engine until every semaphore of its ``wait`` is above zero.

    That stands in a register, so that a command that may go is known at the beginning of a cycle:
    it is found out for the cycle to come, from what is posted in this one.

    Parameters
    ----------
    engine
        Whose commands pass.
    settles
        A command stands here for a cycle before it may pass: its ``wait`` comes with ``i.valid``.
        Otherwise that is here a cycle sooner at least.

    Members
    -------
    i, o
        The command; ``o.valid`` rises when the set is there, and all of it is taken in the cycle in
        which the command is. It falls without a transfer only when ``hold`` rises.
    hold
        Let nothing pass.
    nonzero, post, taken
        To and from `Semaphores`.
    lacks
        Semaphores of ``wait`` that will be at zero in the next cycle.
    settled
        ``lacks`` of the cycle before was that of this command.
    missing
        Semaphores of ``wait`` at zero; 0 when no command stands here.
    waiting
        A command stands here and misses at least one.
    """

    i: stream.Interface
    o: stream.Interface
    hold: Signal
    nonzero: Signal
    post: Signal
    taken: Signal
    lacks: Signal
    settled: Signal
    missing: Signal
    waiting: Signal

    def __init__(self, engine: Engine, *, settles: bool):
        self._settles = settles
        commands = stream.Signature(command_layout(engine))
        super().__init__(
            {
                "i": In(commands),
                "o": Out(commands),
                "hold": In(1),
                "nonzero": In(SEMAPHORES),
                "post": In(SEMAPHORES),
                "taken": Out(SEMAPHORES),
                "lacks": Out(SEMAPHORES),
                "settled": Out(1),
                "missing": Out(SEMAPHORES),
                "waiting": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the comparison, and registers for what it took."""
        m = Module()
        wait = self.i.payload.wait
        m.d.comb += self.lacks.eq(wait & ~(self.nonzero | self.post))
        with m.If(self.i.valid):
            m.d.comb += self.missing.eq(wait & ~self.nonzero)
        clear, opens = Signal(), Signal()
        m.d.sync += clear.eq(~self.lacks.any())
        m.d.comb += [
            self.settled.eq(1),
            opens.eq(self.i.valid & ~self.hold & clear & self.settled),
        ]
        if self._settles:
            stood = Signal()
            m.d.sync += stood.eq(self.i.valid & ~self.i.ready)
            m.d.comb += self.settled.eq(stood)
        took, its_wait = Signal(), Signal(SEMAPHORES)  # that it passes is known last
        m.d.sync += [took.eq(self.o.valid & self.o.ready), its_wait.eq(wait)]
        m.d.comb += [
            self.taken.eq(Mux(took, its_wait, 0)),
            self.waiting.eq(self.missing.any()),
            self.o.payload.eq(self.i.payload),
            self.o.valid.eq(opens),
            self.i.ready.eq(self.o.ready & opens),
        ]
        return m
