"""The small chip's matrix unit: the systolic array, its accumulators, and runs of rows.

The controller shifts weights into the array and starts a run: ``count`` rows of activations from
local memory, a row a cycle (two where rows are not aligned to words), each onto an accumulator row
of its own. Reading instead of adding costs no gate: the upper half of each accumulator memory is
never written and holds zeros, and a first tile's rows add to those.

::

    read      word of a row
    loaded    the row enters the array; its accumulator row is read when its sum comes
    sum       `Array.latency` later, in column 0; a cycle later in the next one
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.config import Config

from ..array import SUM_LANE, Array
from .map import WORD_BYTES


class Matrix(wiring.Component):
    """Array and accumulators; a row of activations is a word.

    Parameters
    ----------
    config
        R must be `WORD_BYTES`.
    address_bits
        Width of a byte address in local memory.

    Members
    -------
    weights, shift
        While ``shift``, C weights of one row of the next tile, last row first.
    start, at
        Strobe: a run begins with the row at this byte.
    stride
        Bytes from one row to the next, modulo the local memory.
    count
        Rows; at least 1.
    set_row, row, first
        Strobe: accumulator row of the next run's first row, or the one to be read; and whether
        sums are to be written instead of added.
    busy
        A run has begun and its last sum is not in its row yet.
    read, word
        To local memory.
    data
        What it read, one cycle later.
    sums
        C words: the accumulator row, from C + 2 cycles behind ``set_row`` on.
    """

    weights: Signal
    shift: Signal
    start: Signal
    at: Signal
    stride: Signal
    count: Signal
    set_row: Signal
    row: Signal
    first: Signal
    busy: Signal
    read: Signal
    word: Signal
    data: Signal
    sums: Signal

    def __init__(self, config: Config, address_bits: int):
        if config.rows != WORD_BYTES:
            raise ValueError(f"rows = {config.rows} is not valid: {WORD_BYTES} in a small chip")
        self._config = config
        rows = config.acc_total_rows
        super().__init__(
            {
                "weights": In(8 * config.cols),
                "shift": In(1),
                "start": In(1),
                "at": In(address_bits),
                "stride": In(address_bits),
                "count": In(range(rows + 1)),
                "set_row": In(1),
                "row": In(range(rows)),
                "first": In(1),
                "busy": Out(1),
                "read": Out(1),
                "word": Out(address_bits - 2),
                "data": In(32),
                "sums": Out(32 * config.cols),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Build the steps of a run, the array, and the accumulators behind it."""
        m = Module()
        cols = self._config.cols
        m.submodules.array = array = Array(self._config)
        entering, first_row = self._rows(m)
        m.d.comb += [
            array.row.eq(entering),
            array.weights.eq(self.weights),
            array.shift.eq(self.shift),
        ]

        # One bit for each row on its way: it arrives in column 0 after the array's latency.
        arriving = Signal(array.latency + cols + 1)
        loaded = self._loaded
        m.d.comb += array.swap.eq(loaded & first_row)
        m.d.sync += arriving.eq(Cat(loaded, arriving))
        m.d.comb += self.busy.eq(self._running | loaded | arriving.any())

        at, zero = Signal.like(self.row), Signal()
        with m.If(self.set_row):
            m.d.sync += [at.eq(self.row), zero.eq(self.first)]
        # A row is read one cycle before its sum arrives.
        reads = arriving[array.latency - 2]
        with m.Elif(reads):
            m.d.sync += at.eq(at + 1)
        for c in range(cols):
            # What is read in the cycle of its write is wanted by nobody.
            column = Memory(shape=32, depth=2 << len(self.row), init=[], attrs={"no_rw_check": 1})
            m.submodules[f"column_{c}"] = column
            read, write = column.read_port(transparent_for=()), column.write_port()
            later, latest = (Signal.like(at, name=f"row_{c}_{i}") for i in range(2))
            total = Signal(32, name=f"total_{c}")
            m.d.sync += [
                later.eq(at),
                latest.eq(later),
                total.eq(read.data + array.sums.word_select(c, SUM_LANE)),
            ]
            m.d.comb += [
                read.en.eq(1),
                read.addr.eq(Cat(at, zero)),
                write.addr.eq(latest),
                write.data.eq(total),
                write.en.eq(arriving[array.latency + c]),
                self.sums.word_select(c, 32).eq(read.data),
            ]
            at = later
        return m

    def _rows(self, m: Module):
        """Read the rows of a run; gives the row that enters and whether it is the first one."""
        at, left = Signal.like(self.at), Signal.like(self.count)
        running, second, first = Signal(), Signal(), Signal()
        loaded, first_row = Signal(), Signal()
        self._running, self._loaded = running, loaded
        aligned = at[:2] == 0
        done = Signal()
        m.d.comb += [
            done.eq(running & (aligned | second)),
            self.read.eq(running),
            self.word.eq(at[2:] + second),
        ]
        offset, low = Signal(2), Signal(32)
        m.d.sync += [loaded.eq(done), first_row.eq(first), offset.eq(at), low.eq(self.data)]
        with m.If(self.start):
            m.d.sync += [
                at.eq(self.at),
                left.eq(self.count),
                running.eq(1),
                first.eq(1),
                second.eq(0),
            ]
        with m.Elif(done):
            m.d.sync += [
                at.eq(at + self.stride),
                left.eq(left - 1),
                running.eq(left != 1),
                first.eq(0),
                second.eq(0),
            ]
        with m.Elif(running):
            m.d.sync += second.eq(1)
        both = Cat(low, self.data)
        row = Mux(offset == 0, self.data, 0)
        for shift in range(1, 4):
            row = Mux(offset == shift, both[8 * shift : 8 * shift + 32], row)
        return row, first_row
