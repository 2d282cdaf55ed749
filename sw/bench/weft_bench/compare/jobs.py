"""The jobs that are compared, in the order in which they are shown."""

from collections.abc import Sequence

from . import loops, matrices, networks, pixels, rows
from .job import Job

JOBS: dict[str, Job] = {
    job.name: job
    for job in (
        *loops.JOBS,
        matrices.GEMV_JOB,
        *pixels.JOBS,
        *rows.JOBS,
        matrices.GEMM_JOB,
        *networks.JOBS,
    )
}
"""Jobs by name."""


def find_job(name: str) -> Job:
    """A job of `JOBS`, or a product by its sizes: ``product-64x64x64``.

    Raises
    ------
    ValueError
        There is no such job; names those that there are.
    """
    job = JOBS.get(name) or matrices.parse_product(name)
    if job is None:
        known = ", ".join((*JOBS, *matrices.groups()))
        raise ValueError(f"no job {name!r}; jobs: {known}, product-MxNxK")
    return job


def parse_jobs(text: str | None) -> Sequence[Job]:
    """Read ``gemm,bfs``, also groups of products; None stands for all of `JOBS`.

    Raises
    ------
    ValueError
        There is no such job; names those that there are.
    """
    if text is None:
        return tuple(JOBS.values())
    groups = matrices.groups()
    found: dict[str, Job] = {}
    for name in (part.strip() for part in text.split(",")):
        for job in groups.get(name) or [find_job(name)]:
            found[job.name] = job
    return tuple(found.values())
