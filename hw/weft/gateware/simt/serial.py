"""What is too large for every lane: division, roots and the table serve lane after lane.

A warp's operands stand in a memory of rows until its turn comes; a queue holds the rest.

::

    cycle 0          1          2            3 ...
    head of queue    row read   a lane's     a unit
                                operands
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from weft.arch.fp32 import Rounding
from weft.arch.fp32_special import Special

from ..fp32.divsqrt import DivSqrt
from ..fp32.special import SpecialUnit
from ..one_hot import encode, lowest
from ..word_fifo import ReadyFifo
from .divide import Divider
from .requests import answer_layout
from .sizes import Sizes

KINDS = ("divide", "table", "root", "function", "mode", "unsigned", "remainder", "rd")
"""What the decoder says about a request. ``divide``: integers; ``table``: a `Special`; neither:
a float's division, or ``root``."""


def wanted_layout(sizes: Sizes) -> data.StructLayout:
    """A warp's request without its operands."""
    return data.StructLayout(
        {
            **dict.fromkeys(("divide", "table", "root", "unsigned", "remainder"), 1),
            "function": Special,
            "mode": Rounding,
            "rd": 5,
            "warp": range(max(2, sizes.warps)),
            "mask": sizes.lanes,
        }
    )


def serial_layout(sizes: Sizes) -> data.StructLayout:
    """A warp's request: what lanes ``mask`` want, and operands ``a`` and ``b`` of all lanes."""
    return data.StructLayout(
        {"wanted": wanted_layout(sizes), "a": 32 * sizes.lanes, "b": 32 * sizes.lanes}
    )


class SerialUnit(wiring.Component):
    """One warp after the other, its lanes one after the other.

    Members
    -------
    i, o
        Requests, of which there is room for one of each warp, and answers.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, sizes: Sizes):
        self.sizes = sizes
        super().__init__(
            {
                "i": In(stream.Signature(serial_layout(sizes))),
                "o": Out(stream.Signature(answer_layout(sizes))),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        sizes, lanes = self.sizes, self.sizes.lanes
        m.submodules.queue = queue = ReadyFifo(wanted_layout(sizes), sizes.warps)
        row_shape = data.StructLayout({"a": 32 * lanes, "b": 32 * lanes})
        m.submodules.operands = operands = Memory(
            shape=row_shape,
            depth=max(2, sizes.warps),
            init=[],
            attrs={"ram_style": "block", "no_rw_check": 1},  # wide: a row stands in few blocks
        )
        write = operands.write_port()
        read = operands.read_port(domain="sync", transparent_for=())
        request, pops = queue.o.payload, Signal()
        m.d.comb += [
            queue.i.valid.eq(self.i.valid),
            queue.i.payload.eq(self.i.payload.wanted),
            self.i.ready.eq(queue.i.ready),
            write.en.eq(self.i.valid),
            write.addr.eq(self.i.payload.wanted.warp),
            write.data.a.eq(self.i.payload.a),
            write.data.b.eq(self.i.payload.b),
            read.en.eq(1),
            read.addr.eq(request.warp),
            queue.o.ready.eq(pops),
        ]

        # Lanes whose operands have gone, and whose results have come: in the same order.
        gone, come, to_go, to_come = (
            Signal(lanes, name=name) for name in ("gone", "come", "to_go", "to_come")
        )
        there, asks, goes, comes = (Signal(name=n) for n in ("there", "asks", "goes", "comes"))
        # Which lane is next is known a cycle before its operands are taken.
        lane, settled = Signal(range(max(2, lanes))), Signal()
        a, b, result, row = Signal(32), Signal(32), Signal(32), Signal(32 * lanes)
        m.d.comb += [
            to_go.eq(lowest(request.mask & ~gone)),
            to_come.eq(lowest(request.mask & ~come)),
        ]
        takes = settled & (~asks | goes)
        m.d.sync += [
            lane.eq(encode(to_go, lanes)),
            settled.eq(there & to_go.any() & ~takes & ~pops),
        ]
        complete = Signal()
        m.d.sync += [
            there.eq(queue.o.valid & ~pops),
            complete.eq(there & ~to_come.any() & ~pops),
        ]
        with m.If(~asks | goes):
            m.d.sync += [
                asks.eq(settled),
                a.eq(read.data.a.word_select(lane, 32)),
                b.eq(read.data.b.word_select(lane, 32)),
            ]
        with m.If(takes):
            m.d.sync += gone.eq(gone | to_go)

        m.submodules.divider = divider = Divider()
        m.d.comb += [
            divider.i.valid.eq(asks & request.divide),
            divider.i.payload.a.eq(a),
            divider.i.payload.b.eq(b),
            divider.i.payload.unsigned.eq(request.unsigned),
            divider.i.payload.remainder.eq(request.remainder),
            divider.o.ready.eq(1),
        ]
        if sizes.fp == "full":
            self._floats(m, request, asks, (a, b), divider, goes, comes, result)
        else:
            m.d.comb += [
                goes.eq(divider.i.valid & divider.i.ready),
                comes.eq(divider.o.valid),
                result.eq(divider.o.payload),
            ]

        with m.If(comes):
            m.d.sync += come.eq(come | to_come)
        for i in range(lanes):
            with m.If(comes & to_come[i]):
                m.d.sync += row.word_select(i, 32).eq(result)
        answer = self.o.payload
        m.d.comb += [
            self.o.valid.eq(complete),
            answer.rd.eq(request.rd),
            answer.warp.eq(request.warp),
            answer.mask.eq(request.mask),
            answer.row.eq(row),
            answer.last.eq(1),
            pops.eq(self.o.valid & self.o.ready),
        ]
        with m.If(pops):
            m.d.sync += [gone.eq(0), come.eq(0)]
        return m

    def _floats(self, m, request, asks, operands, divider, goes, comes, result):
        """The units that a core with floats has beside the divider."""
        a, b = operands
        m.submodules.float_divider = floats = DivSqrt()
        m.submodules.special = special = SpecialUnit()
        for_floats = ~request.divide & ~request.table
        m.d.comb += [
            floats.i.valid.eq(asks & for_floats),
            floats.i.payload.a.eq(a),
            floats.i.payload.b.eq(b),
            floats.i.payload.root.eq(request.root),
            floats.i.payload.mode.eq(request.mode),
            floats.o.ready.eq(1),
            special.valid.eq(asks & request.table),
            special.function.eq(request.function),
            special.a.eq(a),
            goes.eq(
                asks
                & Cat(
                    request.divide & divider.i.ready,
                    for_floats & floats.i.ready,
                    request.table,
                ).any()
            ),
            comes.eq(divider.o.valid | floats.o.valid | special.done),
            result.eq(
                Mux(
                    request.divide,
                    divider.o.payload,
                    Mux(request.table, special.result, floats.o.payload),
                )
            ),
        ]
