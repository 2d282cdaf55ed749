"""The main job's report: one HTML file with everything in it, readable on a phone."""

from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import weft
from weft.arch.registers import BINS, COUNTERS

from .plots import BIN_COLOURS, roofline, timeline
from .terminal import number, share

if TYPE_CHECKING:
    from .main_job import MainResult


def bin_shares(bins: dict[str, int] | None) -> list[dict[str, Any]]:
    """Bins with cycles, share, colour and meaning, empty ones left out."""
    if not bins:
        return []
    total = sum(bins.values()) or 1
    docs = dict(COUNTERS)
    return [
        {
            "name": name,
            "cycles": bins[name],
            "share": bins[name] / total,
            "colour": BIN_COLOURS[name],
            "doc": docs[name],
        }
        for name in BINS
        if bins.get(name)
    ]


def report_page(result: "MainResult") -> str:
    """The page as text: no links to anything outside it."""
    environment = Environment(
        loader=PackageLoader("weft_bench", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "share": share}
    timed = any(r.cycles for r in result.gemms)
    return environment.get_template("report.html.j2").render(
        result=result,
        config=result.config,
        digits=result.digits,
        version=weft.__version__,
        digits_bins=bin_shares(result.digits.run.bins),
        gemm_bins=[bin_shares(r.bins) for r in result.gemms],
        bin_colours=BIN_COLOURS,
        bin_docs={name: dict(COUNTERS)[name] for name in BINS},
        roofline=Markup(roofline(result.config, result.gemms)) if timed else None,
        timelines=[(a.title, a.cycles, Markup(timeline(a))) for a in result.activities],
    )
