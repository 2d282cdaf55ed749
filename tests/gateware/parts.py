"""Parts of the chip put together for benches."""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.arch.commands import Engine
from weft.config import Config
from weft.gateware.act_sram import ActSram
from weft.gateware.drain import AccRead
from weft.gateware.interfaces import ActRead, ActWrite, Fault, Post, command_layout
from weft.gateware.load import Fence, WgtWrite
from weft.gateware.matmul import Matmul
from weft.gateware.wgt_sram import WgtSram


def hold_command(m: Module, engine: Any, offered: Value) -> None:
    """Show an engine the command that it took as long as it is busy, as its queue does."""
    command = Value.cast(engine.cmd.payload)
    kept = Signal(len(command))
    with m.If(engine.cmd.valid & engine.cmd.ready):
        m.d.sync += kept.eq(offered)
    m.d.comb += command.eq(Mux(engine.busy, kept, offered))


class MatmulWithSrams(wiring.Component):
    """MATMUL between its SRAMs; the other ports of the SRAMs are the bench's."""

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "cmd": In(stream.Signature(command_layout(Engine.MATMUL))),
                "post": Out(Post()),
                "busy": Out(1),
                "fault": Out(Fault()),
                "abort": In(1),
                "weights_ready": In(1),
                "bin": Out(3),
                "load": In(ActWrite(config)),
                "store": In(ActRead(config)),
                "wgt": In(WgtWrite(config)),
                "act_fence": In(Fence()),
                "wgt_fence": In(Fence()),
                "drain": In(AccRead(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.matmul = matmul = Matmul(self.config)
        m.submodules.act = act = ActSram(self.config)
        m.submodules.wgt = wgt = WgtSram(self.config)
        connect(m, flipped(self.cmd), matmul.cmd)
        connect(m, matmul.post, flipped(self.post))
        connect(m, matmul.fault, flipped(self.fault))
        connect(m, matmul.act, act.matmul)
        connect(m, flipped(self.load), act.load)
        connect(m, flipped(self.store), act.store)
        connect(m, flipped(self.wgt), wgt.write)
        connect(m, flipped(self.drain), matmul.drain)
        connect(m, flipped(self.act_fence), matmul.act_fence)
        connect(m, flipped(self.wgt_fence), matmul.wgt_fence)
        m.d.comb += [
            self.busy.eq(matmul.busy),
            matmul.abort.eq(self.abort),
            matmul.weights_ready.eq(self.weights_ready),
            self.bin.eq(matmul.bin),
            wgt.read.eq(matmul.wgt_read),
            wgt.row.eq(matmul.wgt_row),
            matmul.wgt_data.eq(wgt.data),
        ]
        return m
