"""How large a chip will be, before any synthesis: a model fitted to netlists that were measured.

Multipliers, and memories with what becomes of them, follow from the configuration exactly. LUTs
and registers are fitted: each group of blocks has a few terms, numbers that follow from the
configuration, and weights of them that fit the measured points best and are never negative.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from weft.arch.simt import LINE_BYTES
from weft.config import Config
from weft.gateware.array import Array

from .known import known

FITTED = ("luts", "ffs")
"""Columns that are fitted; the others are known."""

PREDICTED = (*FITTED, "multipliers", "brams")
"""Columns that the model knows."""

Terms = Callable[[Config], Mapping[str, float]]
"""What a group's size is made of: a number for each term."""


def _levels(size: int) -> int:
    """Levels of multiplexers of two in a choice among ``size``, or in a rotation."""
    return max(1, (size - 1).bit_length())


def _array(c: Config) -> dict[str, float]:
    sums = sum(Array.sum_bits(row) for row in range(1, c.rows))
    skew = math.comb(c.rows, 2) + math.comb(c.cols, 2)
    return {
        "element": c.rows * c.cols,
        "bit of a sum": c.cols * sums,
        "byte of the skew": skew,
        "row and column": c.rows + c.cols,
    }


def _accumulators(c: Config) -> dict[str, float]:
    bits = _levels(c.acc_rows)
    return {"column": c.cols, "address bit of a column": c.cols * bits, "chip": 1}


def _copies(c: Config) -> dict[str, float]:
    """Engines that look at a command in its queue as long as they need it keep no copy."""
    return {"copy of a command": not c.held_commands}


def _matmul(c: Config) -> dict[str, float]:
    return {"chip": 1, "row": c.rows, "column": c.cols, "row sum": c.row_sum * c.rows}


def _drain(c: Config) -> dict[str, float]:
    return {
        "chip": 1,
        "unit": c.drain_units,
        "column": c.cols,
        "byte of a row": c.act_row_bytes,
        **_copies(c),
    }


def _load(c: Config) -> dict[str, float]:
    row = max(c.rows, c.cols)
    return {
        "chip": 1,
        "byte of the bus": c.bus_bytes,
        "byte and level of a row": row * _levels(row),
        "byte of a transposed block": c.transpose * c.rows * c.cols,
        **_copies(c),
    }


def _store(c: Config) -> dict[str, float]:
    bytes_ = {"byte of the bus": c.bus_bytes, "byte of a row": c.act_row_bytes}
    return {"chip": 1, **bytes_, **_copies(c)}


def _control(c: Config) -> dict[str, float]:
    return {"chip": 1, "byte of the bus": c.bus_bytes, "core": bool(c.lanes)}


def _act_sram(c: Config) -> dict[str, float]:
    size = c.act_row_bytes
    return {
        "byte and level of a row": size * _levels(size),
        "byte of a region's row": c.act_regions * size,
        "byte of a row for the core": bool(c.lanes) * c.act_regions * size,
        "chip": 1,
    }


def _rest(c: Config) -> dict[str, float]:
    return {"chip": 1, "byte of the bus": c.bus_bytes, "column": c.cols}


def _execute(c: Config) -> dict[str, float]:
    return {"core": bool(c.lanes), "lane": c.lanes, "lane and level": c.lanes * _levels(c.lanes)}


def _floats(c: Config) -> dict[str, float]:
    return {"lane with floats": (c.fp == "full") * c.lanes}


def _rows(c: Config) -> dict[str, float]:
    words = c.act_row_bytes // 2
    return {
        "core": bool(c.lanes),
        "lane": c.lanes,
        "lane and bank": c.lanes * words,
        "core with floats": (c.fp == "full") * bool(c.lanes),
    }


def _core(c: Config) -> dict[str, float]:
    return {
        "core": bool(c.lanes),
        "lane": c.lanes,
        "warp": bool(c.lanes) * c.warps,
        "line of code": bool(c.lanes) * c.icache_bytes // LINE_BYTES,
    }


def _launch(c: Config) -> dict[str, float]:
    return {"core": bool(c.lanes)}


GROUPS: dict[str, Terms] = {
    "matmul.array": _array,
    "matmul.accumulators": _accumulators,
    "matmul": _matmul,
    "drain": _drain,
    "load": _load,
    "store": _store,
    "control": _control,
    "act_sram": _act_sram,
    "simt.core.execute": _execute,
    "simt.core.floats": _floats,
    "simt.core.rows": _rows,
    "simt.core": _core,
    "simt": _launch,
    "": _rest,
}
"""Groups by the beginning of their blocks' names, and their terms; the last holds the rest."""


def group_of(block: str) -> str:
    """The group that a block of the chip belongs to."""
    return next(name for name in GROUPS if not name or f"{block}.".startswith(f"{name}."))


@dataclass(frozen=True)
class Point:
    """A chip whose netlist was measured.

    Parameters
    ----------
    family
        Name of the FPGA's.
    preset
        The chip, as `Config.parse` reads it.
    groups
        What each group takes, by columns.
    config_hash
        Of the configuration, with the family's multipliers.
    """

    family: str
    preset: str
    groups: dict[str, dict[str, int]]
    config_hash: str = ""

    @property
    def config(self) -> Config:
        """Its configuration."""
        return Config.parse(self.preset)

    def total(self, column: str) -> int:
        """What the whole chip takes."""
        return sum(group.get(column, 0) for group in self.groups.values())


def grouped(blocks: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """What groups take, of what their blocks take."""
    groups: dict[str, Counter[str]] = {name: Counter() for name in GROUPS}
    for block, counts in blocks.items():
        groups[group_of(block)].update(counts)
    return {
        name: {column: counts[column] for column in PREDICTED if counts[column]}
        for name, counts in groups.items()
    }


def least_squares(inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Weights that fit best and are not negative: the best of all choices of terms with such ones.

    Parameters
    ----------
    inputs
        A row for each point, a column for each term.
    outputs
        What their weighted sums are to be.
    """
    terms = inputs.shape[1]
    best, least = np.zeros(terms), float(outputs @ outputs)
    for size in range(1, terms + 1):
        for chosen in combinations(range(terms), size):
            part = inputs[:, chosen]
            weights = np.linalg.lstsq(part, outputs, rcond=1e-9)[0]
            error = outputs - part @ weights
            if weights.min() >= 0 and error @ error < least * (1 - 1e-9):
                best, least = np.zeros(terms), float(error @ error)
                best[list(chosen)] = weights
    return best


Weights = dict[str, dict[str, dict[str, float]]]
"""By column, group and term."""


def known_groups(config: Config, family: str) -> dict[str, Counter[str]]:
    """`known` by group."""
    groups: dict[str, Counter[str]] = {name: Counter() for name in GROUPS}
    for block, counts in known(config, family).items():
        groups[group_of(block)].update(counts)
    return groups


def fitted(points: Sequence[Point]) -> Weights:
    """Weights that fit points of one family best, relative to the size of each point's chip."""
    sizes = [known_groups(point.config, point.family) for point in points]
    weights: Weights = {column: {} for column in FITTED}
    for group, terms in GROUPS.items():
        rows = [terms(point.config) for point in points]
        inputs = np.array([list(row.values()) for row in rows], float)
        for column in FITTED:
            scale = np.array([1 / max(1, point.total(column)) for point in points])
            counts = [
                point.groups.get(group, {}).get(column, 0) - size[group][column]
                for point, size in zip(points, sizes, strict=True)
            ]
            found = least_squares(inputs * scale[:, None], np.array(counts, float) * scale)
            weights[column][group] = dict(zip(rows[0], map(float, found), strict=True))
    return weights


def predict(weights: Weights, config: Config, family: str) -> dict[str, dict[str, int]]:
    """What each group of a chip will take, by column."""
    told = {}
    for group, counts in known_groups(config, family).items():
        terms = GROUPS[group](config)
        fit = {
            column: sum(weights[column][group][name] * value for name, value in terms.items())
            for column in FITTED
        }
        told[group] = {column: round(counts[column] + fit.get(column, 0)) for column in PREDICTED}
    return told


def total(groups: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """The sum over all groups."""
    return {
        column: sum(counts.get(column, 0) for counts in groups.values()) for column in PREDICTED
    }
