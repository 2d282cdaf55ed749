"""The activation SRAM: byte-addressed regions, each with one read and one write port.

A region keeps its even and odd rows in separate memories, so that any ``act_row_bytes`` bytes,
at any alignment, are one read of each::

    offset = 16 * row + byte        even memory      odd memory
                                    row 0            row 1
       bytes 9..24 = row 0, 9..15 + row 1, 0..8      (rotate by 9)

With a SIMT core each word column of both is a memory of its own, with its own row: a bank.

Clients are served in a fixed order in each region; one that keeps losing goes first once.
"""

from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from weft.config import Config

from .act_region import ActRegion
from .interfaces import ActRead, ActWrite
from .rotate import rotated
from .simt.shared_access import SharedPort
from .simt.sizes import Sizes

PATIENCE = 15
"""Cycles with losers in a row before one of them goes first once."""


def _arbitrate(m, name: str, wants: list, claims: list, free: list):
    """Say to which of ``wants`` the way is free: the first of the list that has one, as a rule.

    After `PATIENCE` cycles with losers one of the others has its turn. Whose turn it is stands in
    registers and holds even if it wants nothing: who comes first must not wait for what others
    want. What blocks those behind is a claim: whether it will want something, known sooner.

    Returns
    -------
    lost, favours
        Some client lost this cycle; in the one after the next somebody else than the first one has
        its turn.
    """
    lost = Signal(name=f"{name}_lost")
    grants = [want & way for want, way in zip(wants, free, strict=True)]
    patience = Signal(range(PATIENCE + 1), init=PATIENCE, name=f"{name}_patience")
    turn = Signal(len(wants), name=f"{name}_turn")  # whose it is, if it is anybody's
    following = Signal(len(wants), init=2, name=f"{name}_following")
    favours, ripe, favoured = (
        Signal(name=f"{name}_{step}") for step in ("favours", "ripe", "favoured")
    )
    m.d.comb += [
        lost.eq(Cat(*wants).any() & (Cat(*wants) != Cat(*grants))),
        favours.eq(~ripe & ~favoured & lost & (patience == 1)),
    ]
    blocked = favoured
    for i, (claim, way) in enumerate(zip(claims, free, strict=True)):
        m.d.comb += way.eq(turn[i] | ~blocked)
        blocked = blocked | claim
    with m.If(favoured):
        # Never the first one's, who has it anyhow.
        after = Cat(Const(0, 1), following[-1], following[1:-1]) if len(wants) > 2 else following
        m.d.sync += [following.eq(after), patience.eq(PATIENCE), turn.eq(0)]
    with m.Elif(ripe):
        m.d.sync += turn.eq(following)
    with m.Elif(lost):
        m.d.sync += patience.eq(patience - 1)
    with m.Else():
        m.d.sync += patience.eq(PATIENCE)
    m.d.sync += [ripe.eq(favours), favoured.eq(ripe)]
    return lost, favours


class ActSram(wiring.Component):
    """Activation SRAM.

    Members
    -------
    matmul, store
        Read ports, in order of precedence.
    drain, load
        Write ports, in order of precedence. A write is in the memory one cycle after its grant: a
        read granted two or more cycles after it sees it, and one granted in the cycle between gets
        anything for its bytes.
    simt
        The SIMT core's banks, if there is one: its reads come behind those of ``matmul``, its
        writes come first, and pause in cycles in which another one has its turn in some region.
        Its reads see its own writes from the cycle after their grant on.
    lost
        Some request lost this cycle to another engine.

    Parameters
    ----------
    config
        Sizes.
    core_domain
        Clock domain of what stands on ``simt.out``.
    """

    read_latency = 3
    """Cycles from a read's grant to its data."""

    bank_latency = 2
    """The same on ``simt``."""

    matmul: ActRead
    store: ActRead
    drain: ActWrite
    load: ActWrite
    simt: Any
    lost: Signal

    def __init__(self, config: Config, core_domain: str = "sync"):
        self.config = config
        self._core_domain = core_domain
        members: dict[str, Any] = {
            "matmul": In(ActRead(config)),
            "store": In(ActRead(config)),
            "drain": In(ActWrite(config)),
            "load": In(ActWrite(config)),
            "lost": Out(1),
        }
        if config.lanes:
            members["simt"] = In(SharedPort(Sizes.of(config, self.bank_latency)))
        super().__init__(members)

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        config = self.config
        regions = [ActRegion(config) for _ in range(config.act_regions)]
        for number, part in enumerate(regions):
            m.submodules[f"region_{number}"] = part

        readers = {name: getattr(self, name) for name in ("matmul", "store")}
        writers = {name: getattr(self, name) for name in ("drain", "load")}
        asks = {
            "read": {name: port.valid for name, port in readers.items()},
            "write": {name: port.valid for name, port in writers.items()},
        }
        ports: dict[str, Any] = readers | writers
        rows, staged = {}, {}
        for name, port in readers.items():
            row = port.offset[len(port.offset) - len(port.behind) :]
            rows[name] = self._rows(row, port.behind, regions[0])
        for name, port in writers.items():
            staged[name] = self._stage(m, name, port, regions[0])
        if config.lanes:
            port = self.simt
            ports["simt"], rows["simt"] = port, port.rows
            staged["simt"] = self._stage_banks(m, port)
            asks["read"] = {
                "matmul": self.matmul.valid,
                "simt": port.read,
                "store": self.store.valid,
            }
            asks["write"] = {"simt": port.write} | asks["write"]

        ready: dict[str, list[Any]] = {name: [] for name in ports}
        losses, pauses = [], []
        for number, part in enumerate(regions):
            for kind, clients in asks.items():
                wants, claims, free = [], [], []
                if kind == "read":
                    m.d.comb += part.read_rows.eq(rows["store"])
                for name, ask in clients.items():
                    want = Signal(name=f"{kind}_want_{number}_{name}")
                    way = Signal(name=f"{kind}_free_{number}_{name}")
                    mine = ports[name].region == number
                    if name in readers:
                        mine = ports[name].claim[number]
                    if name == "simt":  # it asks with a bit for each region
                        mine = ask[number]
                    m.d.comb += want.eq(ask.any() & mine)
                    wants.append(want)
                    claims.append(mine if name == "matmul" else want)
                    free.append(way)
                    if (kind, name) != ("write", "simt"):  # that one is always taken
                        ready[name].append(mine & way)
                    if name == "store":  # the rows for nobody else: it has nothing to choose
                        m.d.comb += part.reads.eq(Cat(*claims).any())
                    elif kind == "read":
                        # A read for nobody does no harm, and a claim is there sooner.
                        with m.If(claims[-1] & way):
                            m.d.comb += part.read_rows.eq(rows[name])
                lost, favours = _arbitrate(m, f"{kind}_{number}", wants, claims, free)
                losses.append(lost)
                if kind == "write":
                    pauses.append(favours)
            for stage in staged.values():
                with m.If(stage.to[number]):
                    m.d.comb += [
                        part.write_rows.eq(stage.rows),
                        part.write_mask.eq(stage.mask),
                        part.write_data.eq(
                            stage.data.replicate(len(part.write_data) // len(stage.data))
                        ),
                    ]

        outs = [part.out for part in regions]
        for name, port in readers.items():
            self._align(m, name, port, outs)
        if config.lanes:
            self._answer_banks(m, self.simt, staged["simt"], outs, regions[0])
            m.d.sync += self.simt.pause.eq(Cat(*pauses).any())
        for name, port in ports.items():
            m.d.comb += port.ready.eq(Cat(*ready[name]).any())
        m.d.comb += self.lost.eq(Cat(*losses).any())
        return m

    def _rows(self, row, behind, region: ActRegion):
        """Rows of each memory that hold a row of bytes, of which it and the one behind it are."""
        # depth need not be a power of two: the even index behind the last row is cut off.
        even, odd = behind[1:][: region.row_bits], row[1:][: region.row_bits]
        return Cat(*[even] * region.columns, *[odd] * region.columns)

    def _stage_layout(self, rows: int, data_bytes: int) -> data.StructLayout:
        """A write in its register: rows, bytes and their mask for all memories of a region.

        ``to``: a bit for each region, if there is a write. ``data``: of one row where both get the
        same, and the mask says who keeps what.
        """
        size, regions = 2 * self.config.act_row_bytes, self.config.act_regions
        parts = {"to": regions, "rows": rows, "mask": size, "data": 8 * data_bytes}
        return data.StructLayout(parts)

    def _stage(self, m: Module, name: str, port: Any, region: ActRegion):
        """Rotate a write into a pair of rows."""
        row_bytes = self.config.act_row_bytes
        byte_bits = (row_bytes - 1).bit_length()
        shift, row = port.offset[:byte_bits], port.offset[byte_bits:]
        rows, first_odd = self._rows(row, row + 1, region), row[0]
        mask = Signal(2 * row_bytes, name=f"{name}_wide_mask")
        stage = Signal(self._stage_layout(len(rows), row_bytes), name=f"{name}_stage")
        m.d.comb += mask.eq(port.mask << shift)
        turned = rotated(m, port.data, shift, 8, f"{name}_turned")
        writes = port.valid & port.ready
        m.d.sync += [
            stage.to.eq(Cat(writes & (port.region == i) for i in range(len(stage.to)))),
            # Enabled by nothing: who asks has enough to decide.
            stage.rows.eq(rows),
            # A byte has the same place in either row.
            stage.data.eq(turned),
            stage.mask.eq(Mux(first_odd, mask.rotate_left(row_bytes), mask)),
        ]
        return stage

    def _stage_banks(self, m: Module, port: Any):
        """A write of the SIMT core."""
        stage = Signal(self._stage_layout(len(port.rows), len(port.data) // 8), name="simt_stage")
        m.d.sync += [
            stage.to.eq(port.write),
            stage.rows.eq(port.rows),
            stage.data.eq(port.data),
            stage.mask.eq(port.strobe),
        ]
        return stage

    def _answer_banks(self, m: Module, port: Any, stage: Any, outs: list, part: ActRegion) -> None:
        """Choose the region that the SIMT core read, and its own write, if that is there just now.

        Threads may poll what others of them write, and a memory gives nothing of use where it is
        being written.
        """
        region = Signal.like(port.region)
        behind = Signal.like(stage, reset_less=True)
        out = Array(outs)[region] if len(outs) > 1 else outs[0]
        m.d[self._core_domain] += [region.eq(port.region), behind.data.eq(stage.data)]
        here = (stage.to & port.read).any()
        for bank in range(2 * part.columns):
            row, written = (
                rows.word_select(bank, part.row_bits) for rows in (port.rows, stage.rows)
            )
            mask = stage.mask.word_select(bank, part.width)
            same = (here & (row == written)).replicate(part.width)
            m.d[self._core_domain] += behind.mask.word_select(bank, part.width).eq(mask & same)
        m.d[self._core_domain] += [
            port.out.word_select(i, 8).eq(
                Mux(behind.mask[i], behind.data.word_select(i, 8), out.word_select(i, 8))
            )
            for i in range(len(behind.mask))
        ]

    def _align(self, m: Module, name: str, port: Any, outs: list) -> None:
        """Choose the region that was read; then, for each byte, its row; and rotate."""
        row_bytes = self.config.act_row_bytes
        byte_bits = (row_bytes - 1).bit_length()
        region = Signal(port.region.shape(), name=f"{name}_read_region")
        swap = Signal(name=f"{name}_read_swap")
        from_odd = Signal(row_bytes, name=f"{name}_from_odd")
        shift_1 = Signal(byte_bits, name=f"{name}_shift_1")
        shift_2 = Signal(byte_bits, name=f"{name}_shift_2")
        pair = Signal(16 * row_bytes, name=f"{name}_pair")
        out = Signal(8 * row_bytes, name=f"{name}_out")
        granted = Signal(2, name=f"{name}_granted")
        m.d.sync += granted.eq(Cat(port.valid & port.ready, granted[0]))
        m.d.sync += [
            region.eq(port.region),
            swap.eq(port.offset[byte_bits]),
            shift_1.eq(port.offset[:byte_bits]),
            shift_2.eq(shift_1),
            # Bytes before the first come from the row behind.
            from_odd.eq(Cat(swap ^ (byte < shift_1) for byte in range(row_bytes))),
        ]
        # What a memory gives comes late in its cycle: of which region, and nothing else, is chosen.
        with m.If(granted[0]):
            m.d.sync += pair.eq(Array(outs)[region] if len(outs) > 1 else outs[0])
        wanted = Cat(
            Mux(from_odd[byte], *(pair.word_select(row_bytes * odd + byte, 8) for odd in (1, 0)))
            for byte in range(row_bytes)
        )
        turned = rotated(m, wanted, shift_2, -8, f"{name}_turned")
        with m.If(granted[1]):
            m.d.sync += out.eq(turned)
        m.d.comb += port.data.eq(out)
