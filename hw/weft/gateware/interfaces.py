"""Signatures by which the blocks of the chip meet.

Signatures are written from the side that asks: an engine has `Out(ActRead(config))`, the SRAM
`In(ActRead(config))`.
"""

from typing import Any

from amaranth.hdl import Shape, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from weft.arch.commands import COMMAND_BITS, COMMANDS, Engine
from weft.arch.registers import COUNTERS, KERNEL_COUNTERS, KERNEL_TIMED
from weft.config import SEMAPHORES, Config

INDEX_BITS = 16
"""Bits of a command's index in its program; travels with each command for error reports."""


def command_layout(engine: Engine) -> data.FlexibleLayout:
    """Payload of an engine's command stream: the raw command with a name for each field.

    Fields of all commands of the engine overlap, as in memory (STORE's queue carries SIGNAL, too;
    fields that differ between the two have their own names, or the same name at another place is
    prefixed with the command's name in lower case). ``index`` is the command's index.
    """
    fields: dict[str, data.Field] = {}
    for command in COMMANDS:
        if command.engine is not engine:
            continue
        for field in command.fields:
            shape: Shape = signed(field.bits) if field.signed else unsigned(field.bits)
            entry = data.Field(shape, field.offset)
            name = field.name
            if name in fields and fields[name] != entry:
                name = f"{command.name.lower()}_{name}"
            fields[name] = entry
    fields["index"] = data.Field(unsigned(INDEX_BITS), COMMAND_BITS)
    return data.FlexibleLayout(COMMAND_BITS + INDEX_BITS, fields)


class Post(wiring.Signature):
    """A strobe that posts semaphores; cannot stall.

    Members
    -------
    valid, mask
        While ``valid``, each semaphore in ``mask`` is posted once in this cycle.
    """

    def __init__(self):
        super().__init__({"valid": Out(1), "mask": Out(SEMAPHORES)})


class Fault(wiring.Signature):
    """A strobe that reports an error.

    Members
    -------
    valid, cause, index
        While ``valid``: a `weft.arch.errors.Cause` and the index of the command.
    """

    def __init__(self):
        super().__init__({"valid": Out(1), "cause": Out(4), "index": Out(INDEX_BITS)})


class ActRead(wiring.Signature):
    """A read port of the activation SRAM, from the engine's side.

    A request is granted in the cycle in which ``valid`` and ``ready`` are high. Its data stands on
    ``data`` exactly `ActSram.read_latency` cycles later.

    Members
    -------
    valid, region, offset
        Read ``act_row_bytes`` bytes from byte ``offset`` of ``region``, any alignment. ``offset``
        wraps at the region's span; bytes outside the region read as anything.
    behind
        The row of ``act_row_bytes`` behind the one in which ``offset`` lies, which wraps, too: who
        asks knows it sooner.
    claim
        There may be a request in this cycle, a bit for each region: known sooner than ``valid``,
        and that of ``region`` is high whenever that is. Whoever comes behind keeps away.
    ready
        The way is free; may be high without a request.
    data
        Byte ``offset`` in the lowest bits.
    """

    def __init__(self, config: Config):
        super().__init__(
            {
                "valid": Out(1),
                "claim": Out(config.act_regions),
                "region": Out(range(max(2, config.act_regions))),
                "offset": Out(range(config.act_region_span)),
                "behind": Out(range(config.act_region_span // config.act_row_bytes)),
                "ready": In(1),
                "data": In(8 * config.act_row_bytes),
            }
        )


class ActWrite(wiring.Signature):
    """A write port of the activation SRAM, from the engine's side.

    Members
    -------
    valid, region, offset, data, mask
        Write byte ``i`` of ``data`` to byte ``offset + i`` of ``region`` for each set bit ``i`` of
        ``mask``. No byte outside the region may be set in ``mask``.
    ready
        The way is free. What is written with ``valid`` is in the memory one cycle later, and a read
        granted two or more cycles later sees it.
    """

    def __init__(self, config: Config):
        super().__init__(
            {
                "valid": Out(1),
                "region": Out(range(max(2, config.act_regions))),
                "offset": Out(range(config.act_region_span)),
                "data": Out(8 * config.act_row_bytes),
                "mask": Out(config.act_row_bytes),
                "ready": In(1),
            }
        )


def burst_layout() -> data.StructLayout:
    """A burst: byte address of its first beat (bus-aligned), and how many ``more``, to 15."""
    return data.StructLayout({"addr": unsigned(32), "more": unsigned(4)})


class MemoryRead(wiring.Signature):
    """A read client of the memory port.

    Members
    -------
    burst
        Requested bursts; none crosses 4 KiB.
    beat
        Data in the order of the requests: ``data``, ``error`` (response not OKAY), ``last``.
    """

    def __init__(self, config: Config):
        beat = data.StructLayout({"data": unsigned(8 * config.bus_bytes), "error": 1, "last": 1})
        super().__init__(
            {"burst": Out(stream.Signature(burst_layout())), "beat": In(stream.Signature(beat))}
        )


class MemoryWrite(wiring.Signature):
    """A write client of the memory port.

    Members
    -------
    burst
        Requested bursts; none crosses 4 KiB.
    beat
        Data beats of the bursts, in order: ``data``, ``strobe``. The port adds WLAST.
    done
        One item a burst, in order, when its response has come: ``error``.
    """

    def __init__(self, config: Config):
        beat = data.StructLayout(
            {"data": unsigned(8 * config.bus_bytes), "strobe": unsigned(config.bus_bytes)}
        )
        done = data.StructLayout({"error": 1})
        super().__init__(
            {
                "burst": Out(stream.Signature(burst_layout())),
                "beat": Out(stream.Signature(beat)),
                "done": In(stream.Signature(done, always_ready=True)),
            }
        )


class Axi4(wiring.Signature):
    """AXI4 manager port: 32-bit addresses, ``bus_bytes`` wide, INCR bursts, IDs of ``id_bits``."""

    def __init__(self, config: Config, id_bits: int = 2):
        address = {"id": id_bits, "addr": 32, "len": 8, "size": 3, "burst": 2}
        members = {}
        for channel in ("aw", "ar"):
            members |= {f"{channel}{name}": Out(width) for name, width in address.items()}
            members |= {f"{channel}valid": Out(1), f"{channel}ready": In(1)}
        members |= {
            "wdata": Out(8 * config.bus_bytes),
            "wstrb": Out(config.bus_bytes),
            "wlast": Out(1),
            "wvalid": Out(1),
            "wready": In(1),
            "bid": In(id_bits),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
            "rid": In(id_bits),
            "rdata": In(8 * config.bus_bytes),
            "rresp": In(2),
            "rlast": In(1),
            "rvalid": In(1),
            "rready": Out(1),
        }
        super().__init__(members)


class AxiLite(wiring.Signature):
    """AXI4-Lite subordinate port as the manager sees it: 12-bit addresses, 32-bit data."""

    def __init__(self):
        super().__init__(
            {
                "awaddr": Out(12),
                "awvalid": Out(1),
                "awready": In(1),
                "wdata": Out(32),
                "wstrb": Out(4),
                "wvalid": Out(1),
                "wready": In(1),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
                "araddr": Out(12),
                "arvalid": Out(1),
                "arready": In(1),
                "rdata": In(32),
                "rresp": In(2),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )


def trap_layout() -> data.StructLayout:
    """A thread that trapped: why, where it ran, at which kernel's address, in which block."""
    place = {"cause": 4, "lane": 3, "warp": 4, "pc": 32}
    return data.StructLayout({**place, **dict.fromkeys("xyz", 16)})


def kernel_events_layout(lanes: int) -> data.StructLayout:
    """How much each counter of kernels counts in a cycle."""
    several = {"active_lanes": lanes.bit_length(), "memory_beats": 5}
    names = [name for name, _ in (*KERNEL_COUNTERS, *KERNEL_TIMED)]
    return data.StructLayout({name: several.get(name, 1) for name in names})


def events_layout(config: Config) -> data.StructLayout:
    """How much each counter of the register table counts in a cycle: a bit for most.

    Those of kernels carry the prefix ``kernel_``; they exist if there is a SIMT core.
    """
    events: dict[str, Any] = {name: 1 for name, _ in COUNTERS}
    if config.lanes:
        kernels = kernel_events_layout(config.lanes)
        events |= {f"kernel_{name}": shape for name, shape in kernels.members.items()}
    return data.StructLayout(events)
