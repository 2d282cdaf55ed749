"""The jobs that are compared, in the order in which they are shown."""

from collections.abc import Sequence

from . import loops, matrices, pixels, rows
from .job import Job

JOBS: dict[str, Job] = {
    job.name: job
    for job in (*loops.JOBS, matrices.GEMV_JOB, *pixels.JOBS, *rows.JOBS, matrices.GEMM_JOB)
}
"""Jobs by name."""


def parse_jobs(text: str | None) -> Sequence[Job]:
    """Read ``gemm,bfs``; None stands for all.

    Raises
    ------
    ValueError
        There is no such job; names those that there are.
    """
    if text is None:
        return tuple(JOBS.values())
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in JOBS:
            raise ValueError(f"no job {name!r}; jobs: {', '.join(JOBS)}")
    return [JOBS[name] for name in names]
