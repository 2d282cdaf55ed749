"""What a pipeline costs: together, and each engine alone, with the other's commands left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from weft_driver.run import Run

from ..activity import SIMT_BIT, Activity
from .pipeline import ARRAY, BOTH, SIMT, Pipeline

MATMUL_BIT = 1


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Programs of one pipeline; cycles from doorbell to interrupt, None on a device without time.

    Parameters
    ----------
    mismatches
        Elements of results, intermediate ones too, that differ from the reference, in all three
        programs.
    run
        Of the program with everything.
    alone
        Runs of each engine's commands by themselves, on the results of that program.
    activity
        Who was busy when in it; None on a device that keeps no timeline.
    peak
        Multiplications that the array can do in a cycle.
    """

    mismatches: int
    run: Run
    alone: Mapping[str, Run]
    activity: Activity | None
    peak: int

    @property
    def ratio(self) -> float | None:
        """Cycles over those of the engine that alone takes longer; 1 if all of the rest hides."""
        alone = [run.cycles for run in self.alone.values() if run.cycles]
        return self.run.cycles / max(alone) if self.run.cycles and alone else None

    @property
    def array_utilization(self) -> float | None:
        """Useful share of the multipliers while the array's commands run alone."""
        run = self.alone[ARRAY]
        return run.macs / (self.peak * run.cycles) if run.cycles else None

    def both_busy(self) -> int | None:
        """Cycles in which MATMUL and a kernel were busy at once."""
        if self.activity is None:
            return None
        held = self.activity.engine(SIMT_BIT) & self.activity.engine(MATMUL_BIT)
        return self.activity.cycles_of(held)

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values."""
        return {
            "mismatches": self.mismatches,
            "cycles": self.run.cycles,
            "array_alone": self.alone[ARRAY].cycles,
            "simt_alone": self.alone[SIMT].cycles,
            "ratio": self.ratio,
            "macs": self.run.macs,
            "array_utilization_alone": self.array_utilization,
            "utilization": self.run.utilisation,
            "both_busy": self.both_busy(),
            "commands": self.run.commands,
            "bins": self.run.bins,
            "kernel_bins": self.run.kernel_bins,
            "issue_rate": self.run.issue_rate,
            "bytes_read": self.run.bytes_read,
            "bytes_written": self.run.bytes_written,
        }


def recorded(pipeline: Pipeline, title: str) -> tuple[Run, Activity | None]:
    """Run everything as one program, and who was busy when if the device keeps that."""
    transport: Any = pipeline.device.transport
    records = transport.timed and hasattr(transport, "record_activity")
    everything = pipeline.program(BOTH)
    pipeline.clear()
    if not records:
        return everything.run(), None
    transport.record_activity(True)
    run = everything.run()
    transport.record_activity(False)
    assert run.cycles is not None
    changes, values = transport.activity()
    return run, Activity.of_program(title, changes, values, run.cycles)


def measure(pipeline: Pipeline, wanted: Mapping[str, NDArray[Any]], title: str) -> Measured:
    """Run everything, then what each engine does alone, and check all results each time.

    Raises
    ------
    DeviceError
        The chip halted.
    """
    run, activity = recorded(pipeline, title)
    wrong = pipeline.mismatches(wanted)
    alone = {}
    for engine in BOTH:
        alone[engine] = pipeline.program([engine]).run()
        wrong += pipeline.mismatches(wanted)
    config = pipeline.device.config
    return Measured(
        mismatches=wrong,
        run=run,
        alone=alone,
        activity=activity,
        peak=config.rows * config.cols,
    )
