"""Between lanes and columns: what lanes store goes to the words of a row, and words come back.

A row has a column for each bank of shared memory, or for each word of a beat of main memory, of
which the command port's words are a case. Both memories, one pass at a time, use the same way out;
both share the same way back.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..one_hot import selected
from .requests import pass_layout
from .sizes import Sizes, columns, row_bits


def chosen(m: Module, choices, name: str) -> Signal:
    """The one of several values whose bit is set, of which at most one is; else 0.

    Two values take one LUT of four inputs for each bit: where neither is the one, it passes on
    what comes from the pair before, and to the first pair that is which of a pair it would be.
    """
    bits, values = zip(*choices, strict=True)
    width = max(len(value) for value in values)
    result = Signal(width, name=f"{name}_other")
    m.d.comb += result.eq(Cat(bits[1::2]).any().replicate(width))
    for pair in range(0, len(bits), 2):
        here = Cat(bits[pair : pair + 2]).any()
        one, other = values[pair], values[min(pair + 1, len(bits) - 1)]
        so_far = Signal(width, name=f"{name}_{pair}")
        m.d.comb += so_far.eq(Mux(here, (result & other) | (~result & one), result))
        result = so_far
    return result


class ToColumns(wiring.Component):
    """The way out, into registers.

    Members
    -------
    what
        The pass; of its lanes at most one writes a byte.
    takes
        Lanes that take part in this cycle.
    writes
        Lanes that write.
    values
        What the lanes write.
    go
        Change the registers.
    bank_rows
        For each bank, the row of the lanes that are served there.
    strobe, data
        For each column, the bytes that are written, and their values.
    """

    what: Signal
    takes: Signal
    writes: Signal
    values: Signal
    go: Signal
    bank_rows: Signal
    strobe: Signal
    data: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "what": In(pass_layout(sizes)),
                "takes": In(sizes.lanes),
                "writes": In(sizes.lanes),
                "values": In(32 * sizes.lanes),
                "go": In(1),
                "bank_rows": Out(sizes.banks * row_bits(sizes)),
                "strobe": Out(4 * columns(sizes)),
                "data": Out(32 * columns(sizes)),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, what, lanes = self.sizes, self.what, range(self.sizes.lanes)
        low = 2 + (sizes.banks - 1).bit_length()
        high = low + row_bits(sizes)
        bytes_ = Signal(4 * sizes.lanes)  # that lanes write in this cycle
        takes = self.takes & self.writes
        m.d.comb += bytes_.eq(
            what.bytes & Cat(takes[lane].replicate(4) for lane in lanes),
        )
        rows, strobes, words = [], [], []
        for column in range(columns(sizes)):
            at = [what.at.word_select(lane, columns(sizes))[column] for lane in lanes]
            if column < sizes.banks:
                rows.append(
                    selected(
                        (
                            at[lane],
                            what.request.a.word_select(lane, 32)[low:high],
                        )
                        for lane in lanes
                    )
                )
            for byte in range(4):
                here = Signal(sizes.lanes, name=f"to_{column}_{byte}")
                m.d.comb += here.eq(Cat(at[lane] & bytes_[4 * lane + byte] for lane in lanes))
                strobes.append(here.any())
                choices = [
                    (here[lane], self.values.word_select(4 * lane + byte, 8)) for lane in lanes
                ]
                # A lone lane's value may stand where it writes nothing, too.
                alone = len(lanes) == 1
                word = choices[0][1] if alone else chosen(m, choices, f"word_{column}_{byte}")
                words.append(word)
        with m.If(self.go):
            m.d.sync += [
                self.bank_rows.eq(Cat(rows)),
                self.strobe.eq(Cat(strobes)),
                self.data.eq(Cat(words)),
            ]
        return m


class ToLanes(wiring.Component):
    """The way back; there is no state.

    Members
    -------
    words
        Of each column.
    here
        For each lane a bit for each column: its word is there. None: the lane gets 0.
    row
        The lanes' words.
    """

    words: Signal
    here: Signal
    row: Signal

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "words": In(32 * columns(sizes)),
                "here": In(columns(sizes) * sizes.lanes),
                "row": Out(32 * sizes.lanes),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        for lane in range(self.sizes.lanes):
            here = self.here.word_select(lane, columns(self.sizes))
            words = [self.words.word_select(column, 32) for column in range(len(here))]
            # Two LUTs one behind the other, where `chosen` would take fewer, but all in a row.
            m.d.comb += self.row.word_select(lane, 32).eq(selected(zip(here, words, strict=True)))
        return m
