"""The digits classifier: 1,797 handwritten digits, an MLP 64-64-32-10, and its int8 twin.

Float training is scikit-learn's, with settings that `weft_bench.digits_settings` chose on the
training images; quantisation is written out here. Weights are int8 per output channel with zero
point 0, activations int8 per tensor, calibrated on the training images only.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .digits_settings import CHOSEN, fit
from .reference import combined_scale, exact_product, requantise

HELD_OUT = 540
"""Images that are never trained or calibrated on."""

SPLIT_STATE = 0
"""Random state of the split into images to train on and images held out."""

LEAST_FLOAT_ACCURACY = 0.965
"""What the float network must reach to be worth quantising."""

MOST_IMAGES_LOST = 6
"""How many held-out images more than the float network the int8 network may get wrong."""


@dataclass(frozen=True)
class FloatMlp:
    """A trained network and its data.

    Parameters
    ----------
    weights, biases
        Per layer: inputs x outputs float64, and outputs.
    train, held_out
        Images as rows of 64 pixels in 0..1.
    labels
        Of the held-out images.
    """

    weights: list[NDArray[np.float64]]
    biases: list[NDArray[np.float64]]
    train: NDArray[np.float64]
    held_out: NDArray[np.float64]
    labels: NDArray[np.int64]

    def layers(self, x: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """The input, then what each layer gives: ReLU after every layer but the last."""
        values = [x]
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            y = values[-1] @ weight + bias
            values.append(np.maximum(y, 0) if i < len(self.weights) - 1 else y)
        return values

    def accuracy(self) -> float:
        """Share of held-out images that are classified correctly."""
        return float(np.mean(self.layers(self.held_out)[-1].argmax(1) == self.labels))


def split() -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[Any]]:
    """Images and labels to train on, images and labels held out; stratified, pixels in 0..1."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits: Any = load_digits()
    pixels, labels = digits.data / 16, digits.target  # pixels are 0..16
    parts: Any = train_test_split(
        pixels, labels, test_size=HELD_OUT, random_state=SPLIT_STATE, stratify=labels
    )
    train, held_out, train_labels, held_out_labels = parts
    return train, train_labels, held_out, held_out_labels


def train_float() -> FloatMlp:
    """Train the float network, about a second; the same result each time on one machine."""
    train, train_labels, held_out, held_out_labels = split()
    network = fit(CHOSEN, train, train_labels)
    return FloatMlp(network.coefs_, network.intercepts_, train, held_out, held_out_labels)


@dataclass(frozen=True)
class Int8Layer:
    """One quantised fully connected layer, y = requantise(x w + bias).

    Parameters
    ----------
    weight
        Inputs x outputs int8, zero point 0.
    weight_scale
        float32 per output.
    bias
        int32 per output, in units of ``x_scale * weight_scale``.
    x_scale, x_zero_point, y_scale, y_zero_point
        Affine quantisation of input and output.
    relu
        Clamp at the zero point of the output.
    """

    weight: NDArray[np.int8]
    weight_scale: NDArray[np.float32]
    bias: NDArray[np.int32]
    x_scale: float
    x_zero_point: int
    y_scale: float
    y_zero_point: int
    relu: bool

    @property
    def inputs(self) -> int:
        """Terms of each sum."""
        return self.weight.shape[0]

    @property
    def outputs(self) -> int:
        """Columns."""
        return self.weight.shape[1]

    @property
    def scale(self) -> NDArray[np.float32]:
        """The requantisation scale of each column."""
        return combined_scale(self.x_scale, self.weight_scale, self.y_scale)

    @property
    def qmin(self) -> int:
        """Lower clamp: ReLU is a clamp at the zero point."""
        return max(-128, self.y_zero_point) if self.relu else -128

    def reference(self, x: NDArray[np.int8]) -> NDArray[np.int8]:
        """What the layer must give, by the formula in numpy."""
        acc = exact_product(x, self.weight, a_zero_point=self.x_zero_point, bias=self.bias)
        return requantise(acc, self.scale, zero_point=self.y_zero_point, qmin=self.qmin)


@dataclass(frozen=True)
class Int8Mlp:
    """The quantised network."""

    layers: tuple[Int8Layer, ...]

    def quantise_input(self, x: NDArray[np.float64]) -> NDArray[np.int8]:
        """Images in 0..1 to int8."""
        first = self.layers[0]
        return _quantise(x, first.x_scale, first.x_zero_point)

    def reference(self, x: NDArray[np.int8]) -> list[NDArray[np.int8]]:
        """What each layer gives, by the formula in numpy."""
        values = []
        for layer in self.layers:
            x = layer.reference(x)
            values.append(x)
        return values


def _quantise(x: NDArray[np.float64], scale: float, zero_point: int) -> NDArray[np.int8]:
    return np.clip(np.rint(x / scale) + zero_point, -128, 127).astype(np.int8)


def _affine(values: NDArray[np.float64]) -> tuple[float, int]:
    """Scale and zero point for the range that ``values`` take, 0 included."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    scale = float(np.float32((high - low) / 255))
    return scale, int(np.clip(round(-128 - low / scale), -128, 127))


def quantise(network: FloatMlp) -> Int8Mlp:
    """Quantise a float network: weights symmetric per output, activations affine per tensor.

    The input has scale 1/16 and zero point 0, so that the 17 grey levels are exact.
    """
    ranges = [(1 / 16, 0), *(_affine(y) for y in network.layers(network.train)[1:])]
    layers = []
    for i, (weight, bias) in enumerate(zip(network.weights, network.biases, strict=True)):
        (x_scale, x_zero), (y_scale, y_zero) = ranges[i], ranges[i + 1]
        peak = np.abs(weight).max(axis=0)
        # A unit that training switched off has no weights, and still needs a scale.
        weight_scale = (np.maximum(peak, peak.max() / 1000) / 127).astype(np.float32)
        layers.append(
            Int8Layer(
                weight=np.clip(np.rint(weight / weight_scale), -127, 127).astype(np.int8),
                weight_scale=weight_scale,
                bias=np.rint(bias / (x_scale * weight_scale.astype(np.float64))).astype(np.int32),
                x_scale=x_scale,
                x_zero_point=x_zero,
                y_scale=y_scale,
                y_zero_point=y_zero,
                relu=i < len(network.weights) - 1,
            )
        )
    return Int8Mlp(tuple(layers))
