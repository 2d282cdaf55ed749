"""Which sizes fit on a device: predictions, their error, and room that routing needs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from statistics import median
from typing import Any

from weft.config import Config

from .design import BOARD
from .parts import CHIP
from .points import Record, read_record
from .resources import FITTED, PREDICTED, Point, Weights, fitted, predict, total
from .targets import Target

LEAST_POINTS = 4
"""Fewest chips of a family that make a model."""

FILL = 85.0
"""Percent of a device's LUTs and registers that place and route is trusted with."""

BLOCK_OF = {"array": "matmul.array", "simt": "simt.core"}
"""Parts that are groups of the model, by the beginning of the groups' names."""


@dataclass(frozen=True)
class Error:
    """How far predictions are off, in percent of what was measured.

    Each point is predicted by a model that was fitted without it.

    Parameters
    ----------
    median, worst
        Of all points.
    preset
        The worst one.
    """

    median: float
    worst: float
    preset: str


@dataclass(frozen=True)
class Model:
    """What is known of a family.

    Parameters
    ----------
    family
        Its name.
    points
        Chips that were measured.
    weights
        That fit them.
    errors
        By column, of those that are fitted.
    boards
        What boards take besides their chips.
    routed
        Fullest device that place and route is recorded to have completed; see `Record`.
    stale
        The gateware has changed since the points were measured.
    """

    family: str
    points: tuple[Point, ...]
    weights: Weights
    errors: Mapping[str, Error]
    boards: Mapping[str, Mapping[str, int]]
    routed: Mapping[str, Any] | None
    stale: bool

    @property
    def largest(self) -> int:
        """LUTs of the largest chip among the points: what is larger is extrapolated."""
        return max(point.total("luts") for point in self.points)

    def to_json(self) -> dict[str, Any]:
        """How far it can be trusted, as plain values."""
        return {
            "points": len(self.points),
            "largest_luts": self.largest,
            "error_percent": {column: asdict(error) for column, error in self.errors.items()},
            "routed": self.routed,
            "stale": self.stale,
        }

    def predict(self, config: Config, part: str = CHIP, board: str = "") -> dict[str, int] | None:
        """What a part takes, by column; None for one that the model does not know."""
        groups = predict(self.weights, config, self.family)
        if (block := BLOCK_OF.get(part)) is not None:
            return total({name: each for name, each in groups.items() if name.startswith(block)})
        if part == CHIP:
            return total(groups)
        if part == BOARD and board in self.boards:
            return total({**groups, BOARD: self.boards[board]})
        return None


def left_out(points: Sequence[Point]) -> Iterator[tuple[Point, dict[str, int]]]:
    """Points, each with what a model of all others says.

    Without those whose kind of core no other point has: nothing would be known of it.
    """
    for out in points:
        others = [point for point in points if point is not out]
        if _kind(out.config) in {_kind(point.config) for point in others}:
            yield out, total(predict(fitted(others), out.config, out.family))


def _kind(config: Config) -> str:
    """Kind of core."""
    return config.fp if config.lanes else ""


def _errors(points: Sequence[Point]) -> dict[str, Error]:
    """Of predictions, by column."""
    off: dict[str, list[tuple[float, str]]] = {column: [] for column in FITTED}
    for point, told in left_out(points):
        for column in FITTED:
            percent = 100 * abs(told[column] / point.total(column) - 1)
            off[column].append((round(percent, 1), point.preset))
    return {
        column: Error(median(percent for percent, _ in values), *max(values))
        for column, values in off.items()
    }


def model_from(record: Record, family: str) -> Model:
    """The model of a family; `ValueError` if too few of its chips have been measured."""
    points = tuple(point for point in record.points if point.family == family)
    if len(points) < LEAST_POINTS:
        known = dict.fromkeys(point.family for point in record.points)
        raise ValueError(
            f"nothing can be said of family {family!r} before synthesis: of its chips "
            f"{len(points) or 'none'} were measured; families with a model: "
            f"{', '.join(known) or 'none'}"
        )
    return Model(
        family,
        points,
        fitted(points),
        _errors(points),
        record.boards,
        record.routed.get(family),
        record.stale(family),
    )


@cache
def model_of(family: str) -> Model:
    """The model of what is recorded; see `model_from`."""
    return model_from(read_record(), family)


def prediction(config: Config, target: Target, part: str, board: str = "") -> dict[str, int] | None:
    """What a part will take; None if nothing is known of its family, or of the part."""
    try:
        return model_of(target.family.name).predict(config, part, board)
    except ValueError:
        return None


@dataclass(frozen=True)
class Verdict:
    """Whether a chip fits, or a board with it.

    Parameters
    ----------
    config
        Of the chip.
    part
        ``chip`` or ``board``.
    fits
        ``yes``; ``perhaps`` where only the error or the room for routing is lacking; ``no``.
    limit
        The column of which it takes the largest share of what it may take.
    predicted
        By column.
    percent
        The same as shares of the device.
    extrapolated
        The chip is larger than all that were measured.
    """

    config: Config
    part: str
    fits: str
    limit: str
    predicted: dict[str, int]
    percent: dict[str, float]
    extrapolated: bool

    def to_json(self) -> dict[str, Any]:
        """As plain values; of the configuration the sizes that tables tell apart, and its hash."""
        config = self.config
        sizes = {name: getattr(config, name) for name in ("rows", "cols", "lanes", "warps", "fp")}
        told = {name: value for name, value in vars(self).items() if name != "config"}
        return {"config_hash": config.hash_hex, **sizes, **told}


def verdict(
    model: Model,
    config: Config,
    target: Target,
    fill: float = FILL,
    part: str = CHIP,
    board: str = "",
) -> Verdict:
    """Whether a chip, or a board with it, fits on a target.

    ``fill`` percent of LUTs and registers may be used, with the model's worst error added; all of
    the multipliers and block RAMs.
    """
    counts = model.predict(config, part, board)
    if counts is None:
        raise ValueError(f"nothing is known of {part} {board}".rstrip())
    capacity = target.properties.capacity
    percent = {column: 100 * counts[column] / capacity[column] for column in PREDICTED}
    share = {
        column: percent[column] * (1 + model.errors[column].worst / 100) / fill
        if column in FITTED
        else percent[column] / 100
        for column in PREDICTED
    }
    fits, scarce = "yes", share
    if any(each > 100 for each in percent.values()):
        fits, scarce = "no", percent
    elif any(each > 1 for each in share.values()):
        fits = "perhaps"
    return Verdict(
        config,
        part,
        fits,
        max(PREDICTED, key=lambda column: scarce[column]),
        counts,
        {column: round(each, 1) for column, each in percent.items()},
        total(predict(model.weights, config, model.family))["luts"] > model.largest,
    )


ARRAYS = ((4, 4), (8, 8), (8, 12), (12, 12), (8, 16), (16, 16))
"""Arrays of the table: rows and columns."""

CORES = (
    (0, 1, "none"),
    (2, 4, "none"),
    (4, 8, "none"),
    (8, 8, "none"),
    (8, 16, "none"),
    (4, 8, "full"),
    (8, 16, "full"),
)
"""Cores of the table: lanes, warps, floating point."""


def sized(like: Config, array: tuple[int, int], core: tuple[int, int, str]) -> Config:
    """A chip like another one, with this array and this core.

    It has as many requantisers at most, and room for two tiles of weights at least.
    """
    rows, cols = array
    lanes, warps, fp = core
    units = max(unit for unit in range(1, like.drain_units + 1) if cols % unit == 0)
    return like.changed(
        {
            "rows": rows,
            "cols": cols,
            "drain_units": units,
            "wgt_kib": max(like.wgt_kib, 2 * rows * cols / 1024),
            "lanes": lanes,
            "warps": warps,
            "fp": fp,
        }
    )


def table(model: Model, target: Target, like: Config, fill: float = FILL) -> list[Verdict]:
    """What is said of chips with each of `ARRAYS` and `CORES`, in this order."""
    return [
        verdict(model, sized(like, array, core), target, fill) for array in ARRAYS for core in CORES
    ]
