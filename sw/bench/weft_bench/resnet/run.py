"""``weft bench resnet``: pictures through the network on a chip, and what they cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from weft_driver import Device

from ..pipeline import ARRAY, SIMT, Measured, measure
from ..quantised import Bytes, quantise
from .chip import ResnetOnChip
from .network import CONV_MACS, ByteNetwork, FloatNetwork, quantised

LEAST_UTILIZATION = 0.85
"""Of the array over the convolutions, its commands alone, at least."""

PICTURES = 4
"""Pictures in a program, when nothing else is said."""


@dataclass(frozen=True)
class Resnet:
    """A seeded network, quantised, and pictures for it."""

    floats: FloatNetwork
    network: ByteNetwork
    x: Bytes

    @classmethod
    def seeded(cls, count: int, seed: int) -> "Resnet":
        """Weights and pictures of a seed."""
        floats = FloatNetwork.seeded(seed)
        network = quantised(floats)
        return cls(floats, network, quantise(floats.pictures(count, seed), network.scales["x"]))

    def float_classes(self) -> list[int]:
        """What the network in floating point makes of the pictures."""
        return self.floats(self.x * self.network.scales["x"])["dense"].argmax(axis=1).tolist()


@dataclass(frozen=True)
class ResnetResult:
    """What was measured.

    Parameters
    ----------
    pictures
        How many.
    measured
        Their programs.
    unlike
        Pictures that the network in floating point sorts into another class.
    """

    pictures: int
    measured: Measured
    unlike: int

    @property
    def conv_utilization(self) -> float | None:
        """Multiplications of the convolutions over what the array could do in its program alone.

        That program has the mean and the dense layer, too, which count as cycles and not as work.
        """
        alone = self.measured.alone[ARRAY].cycles
        return self.pictures * CONV_MACS / (self.measured.peak * alone) if alone else None

    @property
    def met(self) -> bool:
        """The figure is reached, or there is none."""
        share = self.conv_utilization
        return share is None or share >= LEAST_UTILIZATION

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        own = {"pictures": self.pictures, "unlike": self.unlike}
        return own | {"conv_utilization": self.conv_utilization} | self.measured.to_json()


def run_resnet(device: Device, pictures: int = PICTURES, seed: int = 1) -> ResnetResult:
    """Run the network; the array and the SIMT core together, and each alone.

    Raises
    ------
    ValueError
        The device's SIMT core cannot run the kernel.
    """
    resnet = Resnet.seeded(pictures, seed)
    chip = ResnetOnChip(device, resnet.network, resnet.x)
    measured = measure(chip.pipeline, chip.wanted(resnet.x), f"ResNet-8, {pictures} pictures")
    pairs = zip(chip.classes(), resnet.float_classes(), strict=True)
    return ResnetResult(pictures, measured, sum(a != b for a, b in pairs))


def resnet_lines(result: ResnetResult) -> Iterator[str]:
    """A measured network, told in a few lines."""
    m = result.measured
    yield (
        f"ResNet-8, {result.pictures} pictures: {m.mismatches} wrong, "
        f"{result.unlike} in another class than in floating point"
    )
    if m.run.cycles is None:
        return
    array, simt = m.alone[ARRAY].cycles, m.alone[SIMT].cycles
    yield f"together    {m.run.cycles:,} cycles, {m.run.cycles / result.pictures:,.0f} a picture"
    yield f"alone       array {array:,} cycles, SIMT core {simt:,}; ratio {m.ratio:.3f}"
    missed = "" if result.met else ", missed"
    yield (
        f"array over the convolutions, at least {LEAST_UTILIZATION}: "
        f"{result.conv_utilization:.3f}{missed}"
    )
