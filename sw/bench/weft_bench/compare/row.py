"""What one device makes of one job: a row of the comparison."""

from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from ..activity import Activity
from .job import Job, Task

Kind = Literal["measured", "simulated", "estimated"]
"""On hardware that was there; cycle by cycle from the chip's RTL; by a model."""

KINDS: tuple[Kind, ...] = ("measured", "simulated", "estimated")


@dataclass(frozen=True, kw_only=True)
class Row:
    """A job on a device; None where something is not known or does not exist.

    Parameters
    ----------
    job, size, unit, operations, intensity
        What was to be done; operations in ``unit``, and for each byte that has to move.
    expected
        Who was expected to win, stated before.
    device, family, engine, preset
        Who did it; ``family`` is ``cpu``, ``gpu`` or ``chip``. Engine and preset are a chip's.
    correct, mismatches
        Whether all elements equal numpy's, and how many do not; None where the job did not run.
    seconds
        Median of ``repeats`` calls; on a chip cycles / Fmax, without a recorded Fmax None.
    kind
        How the device's figures come about, also where there are none.
    cycles
        Of a chip, from doorbell to interrupt.
    fmax_mhz, fmax_source
        Clock, and where it was recorded, or why there is none and which command would make it.
    utilization
        Share of what the device could do at most: of the array's multipliers, of the SIMT core's
        lanes, of the host's BLAS rate or memory bandwidth, whichever binds.
    roofline
        Share of what the roofline allows at this intensity.
    reason
        Why it took that long, or why it did not run, in one sentence.
    parts
        Cycles of a chip: ``compute``, ``memory`` (waiting for it), ``command`` (beginning, ending,
        nothing to do).
    bins, lane_utilization, issue_rate, bus_share
        What the chip counted; ``bus_share`` is the busier direction of its memory port.
    memory
        Main memory that was simulated.
    link_seconds
        Inputs and results over the board's host link: estimated, and not part of ``seconds``.
    first_seconds, transfer_seconds
        First call; copies to a GPU and back.
    repeats
        Calls that were timed.
    config_hash
        Of the chip.
    more
        Further figures of the job.
    activity
        Who was busy when on a chip, for the report's timeline; not part of the JSON value.
    """

    job: str
    size: str
    unit: str
    operations: int
    intensity: float
    expected: str
    device: str
    family: str
    kind: Kind
    engine: str | None = None
    preset: str | None = None
    correct: bool | None = None
    mismatches: int | None = None
    seconds: float | None = None
    cycles: int | None = None
    fmax_mhz: float | None = None
    fmax_source: str | None = None
    utilization: float | None = None
    roofline: float | None = None
    reason: str = ""
    parts: dict[str, int] | None = None
    bins: dict[str, int] | None = None
    lane_utilization: float | None = None
    issue_rate: float | None = None
    bus_share: float | None = None
    memory: str | None = None
    link_seconds: float | None = None
    first_seconds: float | None = None
    transfer_seconds: float | None = None
    repeats: int | None = None
    config_hash: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    activity: Activity | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, job: Job, task: Task, **what: Any) -> "Row":
        """The row of a job and task; ``what`` are the fields that the device knows."""
        return cls(
            job=job.name,
            size=task.size,
            unit=job.unit,
            operations=task.operations,
            intensity=task.intensity,
            expected=job.expected,
            **what,
        )

    @property
    def ran(self) -> bool:
        """Whether the device has done the job."""
        return self.correct is not None

    @property
    def rate(self) -> float | None:
        """Operations in a second."""
        return self.operations / self.seconds if self.seconds else None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        value = asdict(replace(self, activity=None))
        del value["activity"]
        return value

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Row":
        """A row that `to_json` wrote; what is not known here is left out."""
        known = {f.name for f in fields(cls)}
        return cls(**{name: item for name, item in value.items() if name in known})
