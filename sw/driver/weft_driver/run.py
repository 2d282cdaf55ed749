"""What a run was like: cycles, bins and traffic from the chip's counters."""

from dataclasses import dataclass, field

from weft.arch.registers import (
    BINS,
    BY_NAME,
    COUNTERS,
    KERNEL_COUNTERS,
    KERNEL_STALLS,
    KERNEL_TIMED,
)
from weft.config import Config

from .transport import Transport

Counters = dict[str, int]


def read_counters(transport: Transport) -> Counters:
    """Every counter by name."""
    return {name: transport.read_register(BY_NAME[name.upper()].offset) for name, _ in COUNTERS}


def read_kernel_counters(transport: Transport) -> Counters:
    """Every counter of kernels that the device has; empty on a chip without a SIMT core."""
    if not transport.config.lanes:
        return {}
    table = (*KERNEL_COUNTERS, *(KERNEL_TIMED if transport.timed else ()))
    return {
        name: transport.read_register(BY_NAME[f"KERNEL_{name.upper()}"].offset) for name, _ in table
    }


def passed(before: Counters, after: Counters) -> Counters:
    """What counters, which wrap at 2^32, have counted."""
    return {name: (after[name] - before[name]) % (1 << 32) for name in after}


@dataclass(frozen=True)
class Run:
    """One run of a program.

    Parameters
    ----------
    macs
        Multiplications that the result needed.
    commands
        Commands in the program.
    seconds, cpu_seconds
        Wall and processor time of this process from doorbell to interrupt.
    cycles, bins, utilisation, bytes_read, bytes_written
        Doorbell to interrupt; cycles by bin; macs / (R C cycles); traffic on the memory port. None
        on a device without time (``golden:``).
    counters
        All counters of this run; empty without time.
    kernel
        What kernels of this run counted, see `weft.arch.registers.KERNEL_COUNTERS`, and with time
        `KERNEL_TIMED`; empty on a chip without a SIMT core.
    lanes
        Lanes of its SIMT core.
    """

    macs: int
    commands: int
    seconds: float
    cpu_seconds: float
    cycles: int | None = None
    bins: dict[str, int] | None = None
    utilisation: float | None = None
    bytes_read: int | None = None
    bytes_written: int | None = None
    counters: Counters = field(default_factory=dict)
    kernel: Counters = field(default_factory=dict)
    lanes: int = 0

    @property
    def lane_utilization(self) -> float | None:
        """Share of lanes that took part in retired warp-instructions; None without any."""
        issued = self.kernel.get("issued", 0)
        return self.kernel["active_lanes"] / (issued * self.lanes) if issued else None

    @property
    def kernel_cycles(self) -> int | None:
        """Cycles of kernels, from LAUNCH to its post; None without time or a SIMT core."""
        return self.counters.get("simt_busy") if self.lanes else None

    @property
    def kernel_bins(self) -> dict[str, int] | None:
        """`kernel_cycles`, each in one bin: an instruction retired, or why none did."""
        if not self.kernel_cycles:
            return None
        return {name: self.kernel[name] for name in ("issued", *(n for n, _ in KERNEL_STALLS))}

    @property
    def issue_rate(self) -> float | None:
        """Retired warp-instructions per cycle of kernels; None without such cycles."""
        return self.kernel["issued"] / self.kernel_cycles if self.kernel_cycles else None

    @classmethod
    def measured(
        cls,
        config: Config,
        before: Counters,
        after: Counters,
        *,
        macs: int,
        commands: int,
        seconds: float,
        cpu_seconds: float,
        kernel: Counters,
    ) -> "Run":
        """From the counters before and after."""
        counters = passed(before, after)
        cycles = counters["cycles"]
        peak = config.rows * config.cols * cycles
        return cls(
            macs=macs,
            commands=commands,
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            cycles=cycles,
            bins={name: counters[name] for name in BINS},
            utilisation=macs / peak if peak else 0.0,
            bytes_read=counters["read_beats"] * config.bus_bytes,
            bytes_written=counters["write_beats"] * config.bus_bytes,
            counters=counters,
            kernel=kernel,
            lanes=config.lanes,
        )
