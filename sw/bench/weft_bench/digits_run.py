"""The digits classifier on a chip: three layers as one program, each layer checked."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft_driver import Device, Run

from .digits import (
    LEAST_FLOAT_ACCURACY,
    MOST_IMAGES_LOST,
    Int8Mlp,
    quantise,
    train_float,
)
from .results import ideal_cycles


@dataclass(frozen=True)
class DigitsResult:
    """What the classifier did on the held-out images.

    Parameters
    ----------
    images
        How many.
    float_accuracy, int8_accuracy
        Share classified correctly by the float network and by the chip.
    layer_mismatches
        Per layer: elements that differ from the formula in numpy.
    golden_mismatches
        The same against the golden model, which runs the same commands; None when it was not asked.
    run
        The program's run.
    ideal_cycles
        Sum of the layers' rooflines.
    """

    images: int
    float_accuracy: float
    int8_accuracy: float
    layer_mismatches: tuple[int, ...]
    golden_mismatches: tuple[int, ...] | None
    run: Run
    ideal_cycles: int

    @property
    def images_lost(self) -> int:
        """Images more than the float network that the chip gets wrong."""
        return round((self.float_accuracy - self.int8_accuracy) * self.images)

    @property
    def mismatches(self) -> int:
        """Elements that differ from numpy or from the golden model."""
        return sum(self.layer_mismatches) + sum(self.golden_mismatches or ())

    @property
    def ok(self) -> bool:
        """Nothing differs, and both accuracies are what they should be."""
        return (
            self.mismatches == 0
            and self.float_accuracy >= LEAST_FLOAT_ACCURACY
            and self.images_lost <= MOST_IMAGES_LOST
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "images": self.images,
            "float_accuracy": self.float_accuracy,
            "int8_accuracy": self.int8_accuracy,
            "images_lost": self.images_lost,
            "layer_mismatches": list(self.layer_mismatches),
            "golden_mismatches": None
            if self.golden_mismatches is None
            else list(self.golden_mismatches),
            "mismatches": self.mismatches,
            "cycles": self.run.cycles,
            "ideal_cycles": self.ideal_cycles,
            "utilization": self.run.utilisation,
            "bins": self.run.bins,
            "bytes_read": self.run.bytes_read,
            "bytes_written": self.run.bytes_written,
            "commands": self.run.commands,
            "ok": self.ok,
        }


def run_layers(device: Device, network: Int8Mlp, x: NDArray[np.int8]) -> list[NDArray[np.int8]]:
    """All layers as one program; gives what each of them left in memory."""
    value: Any = device.tensor(x)
    outputs = []
    with device.program() as program:
        for layer in network.layers:
            value = program.matmul(
                value,
                layer.weight,
                bias=layer.bias,
                scale=layer.scale,
                a_zero_point=layer.x_zero_point,
                y_zero_point=layer.y_zero_point,
                qmin=layer.qmin,
            )
            outputs.append(value)
    program.run()
    return [output.numpy() for output in outputs]


def run_digits(device: Device, golden_url: str | None) -> DigitsResult:
    """Train, quantise, run on the chip, and compare every layer.

    Parameters
    ----------
    device
        The chip.
    golden_url
        A golden device of the same configuration to compare with, or None.
    """
    network = train_float()
    int8 = quantise(network)
    x = int8.quantise_input(network.held_out)
    outputs = run_layers(device, int8, x)
    run = device.last_run
    assert run is not None
    golden = None
    if golden_url is not None:
        with Device(golden_url) as model:
            golden = _differences(outputs, run_layers(model, int8, x))
    classes = outputs[-1].argmax(axis=1)
    return DigitsResult(
        images=len(x),
        float_accuracy=network.accuracy(),
        int8_accuracy=float(np.mean(classes == network.labels)),
        layer_mismatches=_differences(outputs, int8.reference(x)),
        golden_mismatches=golden,
        run=run,
        ideal_cycles=sum(
            ideal_cycles(device.config, len(x), layer.outputs, layer.inputs, "int8")
            for layer in int8.layers
        ),
    )


def _differences(
    found: list[NDArray[np.int8]], expected: list[NDArray[np.int8]]
) -> tuple[int, ...]:
    return tuple(int(np.count_nonzero(f != e)) for f, e in zip(found, expected, strict=True))
