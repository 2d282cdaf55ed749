"""A bank of the small chip's memory: a word a cycle for one of several who want it."""

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out


class WordPort(wiring.Signature):
    """A request for a word; accepted in a cycle with ``valid`` and ``ready``.

    Members
    -------
    valid, write, word, data, strobe
        The request: which word, and for a write its value and the bytes that are meant.
    ready
        It is accepted; what is read is there in the next cycle.
    """

    def __init__(self, word_bits: int):
        super().__init__(
            {
                "valid": Out(1),
                "write": Out(1),
                "word": Out(word_bits),
                "data": Out(32),
                "strobe": Out(4),
                "ready": In(1),
            }
        )


class Bank(wiring.Component):
    """A memory that reads or writes one word a cycle, as iCE40 UltraPlus' SPRAM does.

    Parameters
    ----------
    size
        Bytes, a power of two.

    Members
    -------
    first, second
        Who wants a word; the first one comes first.
    value
        What was read in the cycle before.
    """

    first: wiring.PureInterface
    second: wiring.PureInterface
    value: Signal

    def __init__(self, size: int):
        if size.bit_count() != 1 or size < 8:
            raise ValueError(f"size = {size} is not valid: a power of two from 8 on")
        self._words = size // 4
        port = WordPort((self._words - 1).bit_length())
        super().__init__({"first": In(port), "second": In(port), "value": Out(32)})

    def elaborate(self, platform: object) -> Module:
        """Build the memory and the choice before it."""
        m = Module()
        first, second = self.first, self.second
        m.submodules.storage = storage = memory.Memory(
            shape=unsigned(32), depth=self._words, init=[]
        )
        write_port, read_port = storage.write_port(granularity=8), storage.read_port()
        chosen = first.valid
        write = Signal()
        word = Signal.like(first.word)
        m.d.comb += [
            first.ready.eq(1),
            second.ready.eq(~chosen),
            write.eq(Mux(chosen, first.write, second.valid & second.write)),
            word.eq(Mux(chosen, first.word, second.word)),
            write_port.addr.eq(word),
            write_port.data.eq(Mux(chosen, first.data, second.data)),
            write_port.en.eq(Mux(chosen, first.strobe, second.strobe) & write.replicate(4)),
            read_port.addr.eq(word),
            read_port.en.eq((first.valid | second.valid) & ~write),
            self.value.eq(read_port.data),
        ]
        return m
