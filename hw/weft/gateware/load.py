"""LOAD: strided copies from memory to the activation, weight and parameter SRAMs.

::

    LoadReader                                                       LoadWriter
    cmd ──┬─> Bursts ──> memory.burst                           ┌─> Skid ──> act
          └─> pending ─> RowWalker ─> Stage ─> Pieces ─> Slice ─┴──> Gearbox ─┬─> wgt, params
                                   memory.beat ──┘                            └─> Transposer ─> wgt
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from weft.arch.commands import Engine
from weft.config import Config

from .interfaces import ActWrite, Fault, MemoryRead, Post, command_layout
from .load_reader import LoadReader, load_piece_layout
from .load_writer import Fence, LoadWriter, WgtWrite
from .param_sram import ParamWrite
from .skid import Slice

__all__ = ["Fence", "Load", "WgtWrite"]


class Load(wiring.Component):
    """The LOAD engine.

    Bursts are requested up to three commands ahead of the data. A row that lies ready costs as
    many cycles as it has beats and pieces of padding; there are no cycles between rows, and none
    between commands that have been requested.

    Members
    -------
    cmd
        Commands, taken when their bursts can be requested; the first one a cycle later. With
        `Config.held_commands` the payload must hold while ``busy``.
    post
        When the command's last byte is in its SRAM (for wgt and parameters: is written now); with a
        fence the same for its first.
    busy
        A command is in progress.
    fault
        Once; then the engine stops.
    abort
        Stop: request nothing more, drop the data of what is requested.
    memory, act, wgt, params
        Where data come from and go to.
    act_fence, wgt_fence
        What MATMUL must not read yet.
    """

    cmd: stream.Interface
    post: wiring.PureInterface
    busy: Signal
    fault: wiring.PureInterface
    abort: Signal
    memory: wiring.PureInterface
    act: wiring.PureInterface
    wgt: wiring.PureInterface
    params: wiring.PureInterface
    act_fence: wiring.PureInterface
    wgt_fence: wiring.PureInterface

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "cmd": In(stream.Signature(command_layout(Engine.LOAD))),
                "post": Out(Post()),
                "busy": Out(1),
                "fault": Out(Fault()),
                "abort": In(1),
                "memory": Out(MemoryRead(config)),
                "act": Out(ActWrite(config)),
                "wgt": Out(WgtWrite(config)),
                "params": Out(ParamWrite(config)),
                "act_fence": Out(Fence()),
                "wgt_fence": Out(Fence()),
            }
        )

    def elaborate(self, platform):
        """Implement the component."""
        m = Module()
        m.submodules.reader = reader = LoadReader(self.config)
        m.submodules.writer = writer = LoadWriter(self.config)
        m.submodules.slice = between = Slice(load_piece_layout(self.config))
        connect(m, reader.o, between.i)
        connect(m, between.o, writer.i)
        connect(m, flipped(self.cmd), reader.cmd)
        connect(m, reader.memory, flipped(self.memory))
        if self.config.held_commands:
            m.d.comb += [
                reader.free.eq(~self.busy),
                writer.i.payload.piece.target.eq(reader.target),
            ]
        for name in ("act", "wgt", "params", "act_fence", "wgt_fence", "post", "fault"):
            connect(m, getattr(writer, name), flipped(getattr(self, name)))

        stopped = Signal()
        m.d.comb += [
            reader.stop.eq(stopped),
            writer.stop.eq(stopped),
            self.busy.eq(reader.busy | between.o.valid | writer.busy),
        ]
        with m.If(self.fault.valid | self.abort):
            m.d.sync += stopped.eq(1)
        return m
