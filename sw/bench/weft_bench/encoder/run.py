"""``weft bench encoder``: the layer on a chip, checked step by step, and what it costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft_driver import Device

from ..pipeline import ARRAY, SIMT, Measured, measure
from ..quantised import Bytes, quantise
from .chip import EncoderOnChip
from .floats import FloatLayer
from .int8 import ByteLayer, quantised
from .sizes import Sizes

MOST_RATIO = 1.25
"""Cycles together over those of the slower engine alone, at most."""

LEAST_UTILIZATION = 0.85
"""Of the array, its commands alone, at least."""

MOST_ERROR = 0.05
"""Of the int8 layer against the same in floating point, root mean square, relative, at most."""


@dataclass(frozen=True)
class Encoder:
    """A seeded layer, quantised, and an input for it."""

    floats: FloatLayer
    layer: ByteLayer
    x: Bytes

    @classmethod
    def seeded(cls, sizes: Sizes, seed: int) -> "Encoder":
        """Weights and tokens of a seed."""
        floats = FloatLayer.seeded(sizes, seed)
        layer = quantised(floats)
        return cls(floats, layer, quantise(floats.tokens(seed), layer.x_scale))

    def error(self, y: NDArray[np.int8]) -> float:
        """Distance of a result from the layer in floating point, relative, root mean square."""
        wanted = self.floats(self.x * self.layer.x_scale)["y"]
        off = y * self.layer.y_scale - wanted
        return float(np.sqrt(np.square(off).mean() / np.square(wanted).mean()))


@dataclass(frozen=True)
class EncoderResult:
    """What was measured.

    Parameters
    ----------
    sizes
        Of the layer.
    measured
        Its programs.
    error
        See `Encoder.error`.
    """

    sizes: Sizes
    measured: Measured
    error: float

    @property
    def ok(self) -> bool:
        """Every step is exact, and the whole is near what it stands for."""
        return self.measured.mismatches == 0 and self.error <= MOST_ERROR

    @property
    def figures(self) -> list[tuple[str, float | None, bool]]:
        """What was asked for: what it is, what was measured, whether that is enough."""
        ratio, share = self.measured.ratio, self.measured.array_utilization
        return [
            (f"ratio, at most {MOST_RATIO}", ratio, ratio is None or ratio <= MOST_RATIO),
            (
                f"array alone, utilization, at least {LEAST_UTILIZATION}",
                share,
                share is None or share >= LEAST_UTILIZATION,
            ),
        ]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        s = self.sizes
        size = {"tokens": s.tokens, "width": s.width, "heads": s.heads, "hidden": s.hidden}
        return size | {"rows": s.rows, "error": self.error} | self.measured.to_json()


def run_encoder(device: Device, sizes: Sizes, seed: int = 1) -> EncoderResult:
    """Run the layer; the array and the SIMT core together, and each alone.

    Raises
    ------
    ValueError
        The device's SIMT core cannot run the kernels.
    """
    encoder = Encoder.seeded(sizes, seed)
    chip = EncoderOnChip(device, encoder.layer, encoder.x)
    title = f"encoder layer, {sizes.tokens} x {sizes.width}"
    measured = measure(chip.pipeline, chip.wanted(encoder.x), title)
    return EncoderResult(sizes, measured, encoder.error(chip.y()))


def encoder_lines(result: EncoderResult) -> Iterator[str]:
    """A measured layer, told in a few lines."""
    m, s = result.measured, result.sizes
    yield (
        f"encoder layer, S {s.tokens}, D {s.width}, {s.heads} heads, F {s.hidden}, "
        f"{s.rows} rows at a time: {m.mismatches} wrong, {result.error:.1%} from floating point"
    )
    if m.run.cycles is None:
        return
    array, simt = m.alone[ARRAY].cycles, m.alone[SIMT].cycles
    yield f"together    {m.run.cycles:,} cycles, one doorbell, one interrupt"
    yield f"alone       array {array:,} cycles, SIMT core {simt:,}"
    for what, value, met in result.figures:
        yield f"{what}: {value:.3f}{'' if met else ', missed'}"
    yield (
        f"busy        MATMUL {m.run.counters['matmul_busy']:,}, SIMT {m.run.kernel_cycles:,}, "
        f"both {m.both_busy():,}"
    )
