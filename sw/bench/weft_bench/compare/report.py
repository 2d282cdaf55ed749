"""The report: one HTML file with everything in it."""

import base64
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import weft

from ..kernels.png import png_bytes
from ..kernels.rays import picture
from ..plots import timeline
from ..terminal import number, share
from .jobs import JOBS
from .pixels import RAYS_JOB, SCENE, SIDE
from .plots import chip_parts, latency_lines, scaling_lines, times
from .row import Row
from .run import Comparison
from .shown import by_job, duration, notes, verdict


def compare_page(found: Comparison) -> str:
    """The page as text: no links to anything outside it."""
    environment = Environment(
        loader=PackageLoader("weft_bench", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "share": share, "duration": duration}
    return environment.get_template("compare.html.j2").render(
        found=found,
        version=weft.__version__,
        times=_markup(times(found.rows)),
        scaling=_markup(scaling_lines(found.rows)),
        latency=_markup(latency_lines(found.latency)),
        jobs=[
            {
                "name": name,
                "doc": JOBS[name].doc if name in JOBS else "",
                "because": JOBS[name].because if name in JOBS else "",
                "rows": rows,
                "verdict": verdict(rows),
                "parts": _markup(chip_parts(rows)),
                "timeline": _timeline(rows),
                "image": _image(found) if name == RAYS_JOB.name else None,
            }
            for name, rows in by_job(found.rows).items()
        ],
        notes=list(notes(found)),
    )


def _markup(text: str | None) -> Markup | None:
    return None if text is None else Markup(text)


def _timeline(rows: Sequence[Row]) -> Markup | None:
    """Who was busy when in a job on array and SIMT core together, if one was recorded."""
    recorded = next((row.activity for row in rows if row.activity is not None), None)
    return None if recorded is None else Markup(timeline(recorded))


def _image(found: Comparison) -> dict[str, Any] | None:
    """The traced picture, if a chip has made it: byte by byte that of numpy, which was checked."""
    makers = [
        row.device
        for row in found.rows
        if row.job == RAYS_JOB.name and row.family == "chip" and row.correct
    ]
    if not makers:
        return None
    side = SIDE[found.quick]
    data = base64.b64encode(png_bytes(picture(side, side, SCENE))).decode()
    return {"data": f"data:image/png;base64,{data}", "makers": makers}
