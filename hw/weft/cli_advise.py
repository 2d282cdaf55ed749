"""``weft advise``: which device for a product or a job, by cost models and recorded runs."""

from typing import Annotated

import typer

import weft

from .cli_common import Json, Output, deliver, show_lines
from .cli_errors import one_line_errors


@one_line_errors
def advise(
    gemm: Annotated[
        tuple[int, int, int] | None,
        typer.Option("--gemm", metavar="M N K", help="An int8 product, M x K by K x N."),
    ] = None,
    batch: Annotated[
        int, typer.Option("--batch", min=1, help="How many times M rows are multiplied at once.")
    ] = 1,
    job: Annotated[
        str | None, typer.Option("--job", metavar="NAME", help="A job of `weft compare`.")
    ] = None,
    as_json: Json = False,
    output: Output = None,
) -> None:
    """Say which device is fastest, by what factor, what limits each, and what would change that.

    Products are predicted by cost models made from recorded squares alone, whose error on other
    shapes is printed; jobs are looked up in the recorded runs, docs/results.

    Example: `weft advise --gemm 128 512 128`
    """
    from weft_bench.compare import advise as advice

    if (gemm is None) == (job is None):
        raise ValueError("one of --gemm M N K and --job NAME is needed")
    if job is not None:
        found = advice.advise_job(job)
        show_lines(advice.lines(found))
        changes: list[str] = []
    else:
        assert gemm is not None
        if min(gemm) < 1:
            raise ValueError(f"--gemm {' '.join(map(str, gemm))}: sizes are at least 1")
        shape = (gemm[0] * batch, gemm[1], gemm[2])
        known = advice.models()
        found = advice.advise_product(shape, known)
        changes = list(advice.what_would_change(shape, known, found))
        show_lines([*advice.lines(found), *changes, *advice.error_lines(known)])
    value = {
        "weft_version": weft.__version__,
        "gemm": gemm,
        "batch": batch,
        "job": job,
        "advice": [each.to_json() for each in found],
        "changes": changes,
    }
    deliver(value, as_json, output)
