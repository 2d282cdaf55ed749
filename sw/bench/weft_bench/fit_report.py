"""What `weft fit` tells a person."""

from collections.abc import Iterator, Sequence

from weft.boards.table import Board
from weft.config import Config
from weft.synth.fit import CORES, Model, Verdict
from weft.synth.targets import Target

SHORT = {"luts": "LUT", "ffs": "FF", "multipliers": "MUL", "brams": "RAM"}
"""Columns as they stand in a cell of the table."""

LONG = {"luts": "LUTs", "ffs": "registers", "multipliers": "multipliers", "brams": "block RAMs"}
"""And in sentences."""

MARKS = {"yes": "", "perhaps": "?", "no": "!"}
"""What stands behind a share."""

WIDTH = 11
"""Characters of a cell."""


def core_name(config: Config) -> str:
    """A core by its sizes."""
    if not config.lanes:
        return "none"
    return f"{config.lanes} x {config.warps}" + (" fp" if config.fp == "full" else "")


def cell(row: Verdict) -> str:
    """A verdict in a few characters: the share of what limits it."""
    mark = MARKS[row.fits] + "~" * row.extrapolated
    return f"{row.percent[row.limit]:.0f} {SHORT[row.limit]}{mark}"


LEGEND = (
    "A cell is the share of what is scarcest, in percent of the device: LUTs, registers (FF), "
    "multipliers (MUL) or block RAMs (RAM). ? is too near the limit to be sure, ! does not fit, ~ "
    "is larger than every chip that was measured."
)


def table_lines(rows: Sequence[Verdict], target: str, like: str, fill: float) -> Iterator[str]:
    """The table of sizes."""
    capacity = Target.parse(target).properties.capacity
    yield f"{target}: " + ", ".join(f"{capacity[name]:,} {LONG[name]}" for name in LONG)
    yield _line("array", [core_name(row.config) for row in rows[: len(CORES)]])
    for start in range(0, len(rows), len(CORES)):
        config = rows[start].config
        cells = [cell(row) for row in rows[start : start + len(CORES)]]
        yield _line(f"{config.rows} x {config.cols}", cells)
    yield f"Columns are SIMT cores, lanes x warps; what else is chosen is as in {like}. {LEGEND}"
    yield _rule(fill)


def _line(array: str, cells: Sequence[str]) -> str:
    return f"  {array:<9}" + "".join(f"{text:<{WIDTH}}" for text in cells).rstrip()


def _rule(fill: float) -> str:
    return (
        f"What fits takes at most {fill:g} % of the LUTs and registers, with the model's worst "
        "error added."
    )


def chip_lines(
    row: Verdict, preset: str, target: Target, fill: float, board: Board | None = None
) -> Iterator[str]:
    """One configuration; ``board`` is the one whose preset it is."""
    answer = {"yes": "fits", "perhaps": "perhaps fits", "no": "does not fit"}[row.fits]
    yield f"{row.part} of {preset} on {target.name}: {answer}; scarcest: {LONG[row.limit]}"
    for name, number in row.predicted.items():
        available = target.properties.capacity[name]
        yield f"  {LONG[name]:12}{number:8,} of {available:7,}  {row.percent[name]:5.1f} %"
    if row.extrapolated:
        yield "  It is larger than every chip that was measured."
    if board is not None and board.small:
        yield (
            f"This is the ordinary chip of these sizes; the board {board.name} has a small one, "
            "of which nothing is predicted."
        )
    yield _rule(fill)


def model_lines(model: Model) -> Iterator[str]:
    """How far the model can be trusted."""
    told = [
        f"{LONG[name]} {error.median:.1f} % in the median, {error.worst:.1f} % at worst "
        f"({error.preset})"
        for name, error in model.errors.items()
    ]
    yield (
        f"Error, of {len(model.points)} chips each predicted from the others: {'; '.join(told)}. "
        "Multipliers and block RAMs are exact."
    )
    if model.routed:
        routed = model.routed
        yield (
            f"Place and route is recorded to have completed at {routed['percent']} % of the LUTs "
            f"({routed['part']} of {routed['preset']}, {routed['target']})."
        )
    if model.stale:
        yield "The gateware has changed since those chips were measured: `make fit-table`."
