"""The activation SRAM: byte-addressed regions, each with one read and one write port.

A region keeps its even and odd rows in separate memories, so that any ``act_row_bytes`` bytes,
at any alignment, are one read of each::

    offset = 16 * row + byte        even memory      odd memory
                                    row 0            row 1
       bytes 9..24 = row 0, 9..15 + row 1, 0..8      (rotate by 9)

Clients are served in a fixed order in each region; one that keeps losing goes first once.
"""

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .interfaces import ActRead, ActWrite

PATIENCE = 15
"""Cycles that a client loses in a row before it goes first once."""


def _arbitrate(m, name: str, wants: list, grants: list):
    """Grant one of ``wants`` (first in the list first), the oldest loser now and then.

    Returns
    -------
    Signal
        Some client lost this cycle.
    """
    lost = Signal(name=f"{name}_lost")
    patience = Signal(range(PATIENCE + 1), init=PATIENCE, name=f"{name}_patience")
    favour = Signal(range(len(wants)), init=1, name=f"{name}_favour")
    favoured = Signal(name=f"{name}_favoured")
    m.d.comb += [
        lost.eq(Cat(*wants).any() & (Cat(*wants) != Cat(*grants))),
        favoured.eq((patience == 0) & Array(wants)[favour]),
    ]
    blocked = favoured
    for i, (want, grant) in enumerate(zip(wants, grants, strict=True)):
        first = favoured & (favour == i)
        m.d.comb += grant.eq(want & (first | ~blocked))
        blocked = blocked | want
    with m.If(patience == 0):
        # Whoever waits next gets its turn, whether or not this one still wanted it.
        m.d.sync += favour.eq(Mux(favour == len(wants) - 1, 1, favour + 1))
        with m.If(favoured | ~lost):
            m.d.sync += patience.eq(PATIENCE)
    with m.Elif(lost):
        m.d.sync += patience.eq(patience - 1)
    with m.Else():
        m.d.sync += patience.eq(PATIENCE)
    return lost


class ActSram(wiring.Component):
    """Activation SRAM.

    Members
    -------
    matmul, store
        Read ports, in order of precedence.
    drain, load
        Write ports, in order of precedence. A write is in the memory one cycle after its grant: a
        read granted two or more cycles after it sees it.
    lost
        Some request lost this cycle to another engine.
    """

    read_latency = 3
    """Cycles from a read's grant to its data."""

    matmul: ActRead
    store: ActRead
    drain: ActWrite
    load: ActWrite
    lost: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "matmul": In(ActRead(config)),
                "store": In(ActRead(config)),
                "drain": In(ActWrite(config)),
                "load": In(ActWrite(config)),
                "lost": Out(1),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        row_bytes = config.act_row_bytes
        byte_bits = (row_bytes - 1).bit_length()
        depth = config.act_region_bytes // row_bytes // 2
        index_bits = max(1, (depth - 1).bit_length())
        readers, writers = [self.matmul, self.store], [self.drain, self.load]
        losses = []

        def rows_of(offset):
            """Indices into the even and odd memories, and whether the first row is odd."""
            row = offset[byte_bits:]
            # depth need not be a power of two: the even index behind the last row is cut off.
            return (row + 1)[1:][:index_bits], row[1:][:index_bits], row[0]

        # --- write clients: rotate into a pair of rows, one register ---------------------------
        staged = []
        for i, port in enumerate(writers):
            name = ("drain", "load")[i]
            even, odd, first_odd = rows_of(port.offset)
            shift = port.offset[:byte_bits]
            wide = Signal(16 * row_bytes, name=f"{name}_wide")
            mask = Signal(2 * row_bytes, name=f"{name}_wide_mask")
            stage = {
                "valid": Signal(name=f"{name}_staged"),
                "region": Signal(port.region.shape(), name=f"{name}_region"),
                "even": Signal(index_bits, name=f"{name}_even"),
                "odd": Signal(index_bits, name=f"{name}_odd"),
                "data": Signal(16 * row_bytes, name=f"{name}_data"),
                "mask": Signal(2 * row_bytes, name=f"{name}_mask"),
            }
            m.d.comb += [
                wide.eq(port.data << Cat(Signal(3, name=f"{name}_zero"), shift)),
                mask.eq(port.mask << shift),
            ]
            low, high = slice(0, 8 * row_bytes), slice(8 * row_bytes, None)
            low_mask, high_mask = slice(0, row_bytes), slice(row_bytes, None)
            m.d.sync += stage["valid"].eq(port.valid & port.ready)
            with m.If(port.valid):
                m.d.sync += [
                    stage["region"].eq(port.region),
                    stage["even"].eq(even),
                    stage["odd"].eq(odd),
                    stage["data"].eq(Mux(first_odd, Cat(wide[high], wide[low]), wide)),
                    stage["mask"].eq(Mux(first_odd, Cat(mask[high_mask], mask[low_mask]), mask)),
                ]
            staged.append(stage)

        # --- regions ---------------------------------------------------------------------------
        pairs = []
        grants_of = {id(port): [] for port in readers + writers}
        for g in range(config.act_regions):
            for kind, ports in (("read", readers), ("write", writers)):
                wants, grants = [], []
                for i, port in enumerate(ports):
                    want = Signal(name=f"{kind}_want_{g}_{i}")
                    grant = Signal(name=f"{kind}_grant_{g}_{i}")
                    m.d.comb += want.eq(port.valid & (port.region == g))
                    wants.append(want)
                    grants.append(grant)
                    grants_of[id(port)].append(grant)
                losses.append(_arbitrate(m, f"{kind}_{g}", wants, grants))

            halves = []
            for parity in ("even", "odd"):
                memory = Memory(shape=8 * row_bytes, depth=depth, init=[])
                m.submodules[f"region_{g}_{parity}"] = memory
                write = memory.write_port(granularity=8)
                read = memory.read_port(domain="sync", transparent_for=())
                half = int(parity == "odd")
                for stage in reversed(staged):
                    with m.If(stage["valid"] & (stage["region"] == g)):
                        m.d.comb += [
                            write.addr.eq(stage[parity]),
                            write.data.eq(stage["data"].word_select(half, 8 * row_bytes)),
                            write.en.eq(stage["mask"].word_select(half, row_bytes)),
                        ]
                for port in readers:
                    grant = grants_of[id(port)][g]
                    even, odd, _ = rows_of(port.offset)
                    with m.If(grant):
                        m.d.comb += [read.addr.eq(odd if half else even), read.en.eq(1)]
                halves.append(read.data)
            pairs.append(Cat(*halves))

        # --- read clients: choose the region, order the rows, rotate ---------------------------
        for i, port in enumerate(readers):
            name = ("matmul", "store")[i]
            _, _, first_odd = rows_of(port.offset)
            region = Signal(port.region.shape(), name=f"{name}_read_region")
            swap = Signal(name=f"{name}_read_swap")
            shift_1 = Signal(byte_bits, name=f"{name}_shift_1")
            shift_2 = Signal(byte_bits, name=f"{name}_shift_2")
            ordered = Signal(16 * row_bytes, name=f"{name}_ordered")
            out = Signal(8 * row_bytes, name=f"{name}_out")
            granted = Signal(2, name=f"{name}_granted")
            m.d.sync += granted.eq(Cat(port.valid & port.ready, granted[0]))
            m.d.sync += [
                region.eq(port.region),
                swap.eq(first_odd),
                shift_1.eq(port.offset[:byte_bits]),
                shift_2.eq(shift_1),
            ]
            with m.If(granted[0]):
                pair = Array(pairs)[region] if len(pairs) > 1 else pairs[0]
                low, high = pair[: 8 * row_bytes], pair[8 * row_bytes :]
                m.d.sync += ordered.eq(Mux(swap, Cat(high, low), Cat(low, high)))
            with m.If(granted[1]):
                m.d.sync += out.eq(ordered >> Cat(Signal(3, name=f"{name}_zero"), shift_2))
            m.d.comb += port.data.eq(out)

        for port in readers + writers:
            m.d.comb += port.ready.eq(Cat(*grants_of[id(port)]).any())
        m.d.comb += self.lost.eq(Cat(*losses).any())
        return m
