"""What a run was like: cycles, bins and traffic from the chip's counters."""

from dataclasses import dataclass, field

from weft.arch.registers import BINS, BY_NAME, COUNTERS
from weft.config import Config

from .transport import Transport

Counters = dict[str, int]


def read_counters(transport: Transport) -> Counters:
    """Every counter by name."""
    return {name: transport.read_register(BY_NAME[name.upper()].offset) for name, _ in COUNTERS}


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
    ) -> "Run":
        """From the counters before and after, which wrap at 2^32."""
        counters = {name: (after[name] - before[name]) % (1 << 32) for name in after}
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
        )
