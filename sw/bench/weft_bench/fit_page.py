"""docs/fit.md: which sizes fit on an FPGA before synthesis, and how far that can be trusted."""

from weft.boards.table import BOARDS
from weft.config import Config
from weft.synth.fit import CORES, FILL, Model, left_out, model_of, table
from weft.synth.points import POINTS, Record, read_record
from weft.synth.resources import FITTED, GROUPS, PREDICTED, predict, total
from weft.synth.targets import DEVICES, Target

from .fit_report import LEGEND, LONG, cell, core_name
from .markdown import MADE_BY
from .markdown import table as markdown

LIKE = "ulx3s"
"""What the tables have in common, besides array and core."""


def _sizes(model: Model, target: Target) -> str:
    """Arrays by cores on a device."""
    rows = table(model, target, Config.parse(LIKE))
    lines = [rows[start : start + len(CORES)] for start in range(0, len(rows), len(CORES))]
    return markdown(
        ("array", *(core_name(row.config) for row in rows[: len(CORES)])),
        [
            (
                f"{line[0].config.rows} x {line[0].config.cols}",
                *(f"**{cell(row)}**" if row.fits == "yes" else cell(row) for row in line),
            )
            for line in lines
        ],
    )


def _points(model: Model) -> str:
    """What was measured, and what is said of it."""
    alone = {point.preset: told for point, told in left_out(model.points)}

    def off(preset: str, column: str, truth: int) -> str:
        told = alone.get(preset)
        return "" if told is None else f"{100 * (told[column] / truth - 1):+.1f} %"

    rows = []
    for point in model.points:
        fit = total(predict(model.weights, point.config, point.family))
        counts = {column: point.total(column) for column in PREDICTED}
        rows.append(
            (
                f"`{point.preset}`",
                *(
                    text
                    for column in FITTED
                    for text in (
                        f"{counts[column]:,}",
                        f"{100 * (fit[column] / counts[column] - 1):+.1f} %",
                        off(point.preset, column, counts[column]),
                    )
                ),
                f"{counts['multipliers']} ({fit['multipliers']})",
                f"{counts['brams']} ({fit['brams']})",
            )
        )
    head = [text for column in FITTED for text in (LONG[column], "fitted", "left out")]
    return markdown(("chip", *head, "multipliers", "block RAMs"), rows)


def _weights(model: Model) -> str:
    """Terms of the model that count."""
    rows = []
    for group, weights in model.weights["luts"].items():
        for term, luts in weights.items():
            ffs = model.weights["ffs"][group][term]
            if max(luts, ffs) >= 0.05:
                rows.append((f"`{group}`" if group else "rest", term, f"{luts:.1f}", f"{ffs:.1f}"))
    return markdown(("blocks", "for each", "LUTs", "registers"), rows)


def fit_page() -> str:
    """The text of docs/fit.md."""
    record = read_record()
    parts = [
        MADE_BY.format("hw/weft/synth/resources.json"),
        "# Which sizes fit",
        "`weft fit --target ecp5-85k-6` says before any synthesis which arrays and SIMT cores fit "
        "on an FPGA, `weft fit --preset ulx3s,lanes=8` what one chip will take; `weft synth` "
        "prints the same beside the truth, in JSON as `predicted`.",
        "Multipliers and memories follow from the configuration exactly: the products that there "
        "are, and for each memory the rule by which Yosys chooses between block RAM and LUTs. LUTs "
        "and registers are a sum of terms such as elements of the array, bits of their sums, "
        "requantisers, bytes of a row, lanes, and lanes times banks, block by block, with weights "
        "that are fitted to chips that were synthesised (least squares of the relative error, no "
        f"weight negative). {len(GROUPS)} groups of blocks have terms of their own.",
        f"Measured with {', '.join(record.tools)}, synthesis only: what nextpnr packs is counted "
        "in the netlist, ends of carry chains included, and on ECP5 equals what it reports. "
        "`make fit-table` measures again, from netlists that are there where nothing has changed; "
        "the record, hw/weft/synth/resources.json, holds a hash of the gateware of each point, and "
        "`weft fit` says when it is no longer today's.",
    ]
    for family in dict.fromkeys(point.family for point in record.points):
        parts += _family(model_of(family), record)
    families = dict.fromkeys(device.family for device in DEVICES.values())
    missing = [name for name in families if name not in POINTS]
    if missing:
        parts.append(
            f"No chips have been measured for {', '.join(missing)}: `weft fit` says so in one line."
        )
    return "\n\n".join(parts) + "\n"


def _family(model: Model, record: Record) -> list[str]:
    """All that is said of a family."""
    errors = "; ".join(
        f"{LONG[column]} {error.median:.1f} % in the median and {error.worst:.1f} % at worst "
        f"(`{error.preset}`)"
        for column, error in model.errors.items()
    )
    parts = [
        f"## {model.family}",
        f"Each of {len(model.points)} chips predicted by a model that was fitted to the others is "
        f"off by: {errors}. A chip is left out only if another one has the same kind of core.",
        _points(model),
        "Columns: measured, error of the model that was fitted to all, error of the one that was "
        "fitted to the others; in brackets what follows from the configuration.",
    ]
    if model.routed:
        parts.append(
            f"Place and route is recorded to have completed at {model.routed['percent']} % of the "
            f"LUTs ([fpga.md](fpga.md): {model.routed['part']} of `{model.routed['preset']}`, "
            f"{model.routed['target']}). `--fill`, {FILL:g} % if nothing is said, is how much of "
            "the LUTs and registers may be used, with the model's worst error added; above what is "
            "recorded that is trust, not measurement."
        )
    for name, own in record.boards.items():
        if BOARDS[name].family == model.family:
            taken = ", ".join(f"{count:,} {LONG[column]}" for column, count in own.items() if count)
            parts.append(f"Board `{name}` takes besides its chip: {taken}.")
    parts.append(f"{LEGEND} What is bold fits. What else is chosen is as in `{LIKE}`.")
    for device, what in DEVICES.items():
        if what.family == model.family:
            grade = "-6" if model.family == "ecp5" else ""
            parts += [f"### {device}", _sizes(model, Target.parse(f"{device}{grade}"))]
    parts += ["### Weights", _weights(model)]
    return parts
