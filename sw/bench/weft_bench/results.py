"""What a measurement is: one row, what a table of rows sums up to, and who measured it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import weft
from weft.arch.numerics import gemm_ideal_cycles
from weft.config import Config

OUT_BYTES = {"int8": 1, "int32": 4}
"""Bytes of an element of C, by its type."""


def identity(config: Config, device: str) -> dict[str, str]:
    """What every JSON object carries: version, hash of the configuration, device URL."""
    return {
        "weft_version": weft.__version__,
        "config_hash": config.hash_hex,
        "device": device,
    }


def ideal_cycles(config: Config, m: int, n: int, k: int, out: str) -> int:
    """Fewest cycles in which any schedule could do the product: the roofline."""
    return gemm_ideal_cycles(
        m=m,
        n=n,
        k=k,
        out_bytes=OUT_BYTES[out],
        rows=config.rows,
        cols=config.cols,
        bus_bytes=config.bus_bytes,
        drain_units=config.drain_units,
    )


@dataclass(frozen=True, kw_only=True)
class Result:
    """One measured product or convolution; timing is None on a device that has no clock.

    Parameters
    ----------
    suite, name, count
        Which row of which table, and how often it occurs there.
    m, n, k, out, b_layout
        The product: C (m x n, type ``out``) = A (m x k) B (k x n), B ``packed`` or ``row_major``.
    mismatches
        Elements of C that differ from the formula in numpy.
    cycles, bins
        Doorbell to interrupt, and how they fall into the cycle bins.
    ideal_cycles
        The roofline.
    bytes_read, bytes_written, commands
        Traffic of the memory port, and commands in the program.
    sim_seconds, sim_khz
        Process CPU time of the simulation, and cycles per millisecond of it.
    """

    suite: str
    name: str
    count: int
    m: int
    n: int
    k: int
    out: str
    b_layout: str
    mismatches: int
    cycles: int | None
    ideal_cycles: int
    bins: dict[str, int] | None
    bytes_read: int | None
    bytes_written: int | None
    commands: int
    sim_seconds: float | None
    macs_per_cycle: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.m * self.n * self.k

    @property
    def utilization(self) -> float | None:
        """Share of the array's multipliers' cycles that did useful work."""
        return self.macs / (self.macs_per_cycle * self.cycles) if self.cycles else None

    @property
    def roofline_efficiency(self) -> float | None:
        """``ideal_cycles / cycles``."""
        return self.ideal_cycles / self.cycles if self.cycles else None

    @property
    def sim_khz(self) -> float | None:
        """Simulated cycles per millisecond of CPU time."""
        return self.cycles / self.sim_seconds / 1e3 if self.cycles and self.sim_seconds else None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        values = asdict(self)
        del values["macs_per_cycle"]
        return values | {
            "utilization": self.utilization,
            "roofline_efficiency": self.roofline_efficiency,
            "sim_khz": self.sim_khz,
        }


def geometric_mean(values: Iterable[float]) -> float | None:
    """The geometric mean; None of nothing."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs)) if logs else None


@dataclass(frozen=True)
class Summary:
    """What a table says in one line.

    Parameters
    ----------
    rows
        How many rows.
    mismatches
        Over all rows.
    below_ideal
        Rows that claim fewer cycles than the roofline: an error of the measurement.
    mean_efficiency
        Geometric mean of the roofline efficiency over rows.
    worst
        The row with the least efficiency.
    most_above_ideal, median_above_ideal
        Of cycles - ideal_cycles.
    """

    rows: int
    mismatches: int
    below_ideal: int
    mean_efficiency: float | None
    worst: Result | None
    most_above_ideal: int | None
    median_above_ideal: int | None

    @classmethod
    def of(cls, results: Sequence[Result]) -> "Summary":
        """Sum up rows."""
        timed = [r for r in results if r.cycles]
        above = sorted((r.cycles or 0) - r.ideal_cycles for r in timed)
        return cls(
            rows=len(results),
            mismatches=sum(r.mismatches for r in results),
            below_ideal=sum(excess < 0 for excess in above),
            mean_efficiency=geometric_mean(r.roofline_efficiency or 0 for r in timed),
            worst=min(timed, key=lambda r: r.roofline_efficiency or 0, default=None),
            most_above_ideal=above[-1] if above else None,
            median_above_ideal=above[len(above) // 2] if above else None,
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values; the worst row by name."""
        values = asdict(self)
        values["worst"] = None if self.worst is None else self.worst.to_json()
        return values
