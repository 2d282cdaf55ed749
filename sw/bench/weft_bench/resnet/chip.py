"""ResNet-8 as one program: a few pictures, one behind the other.

The array has the convolutions, the mean (a product with ones) and the dense layer; the SIMT core
has the sums. While it adds for one picture, the array convolves another.
"""

import numpy as np

from weft_driver import Device

from ..pipeline import Pipeline
from ..pipeline.pipeline import product_cycles
from ..pipeline.row_kernels import ROW_BYTES, RowKernels
from ..quantised import Bytes
from .network import CLASSES, LAST, LAYERS, ByteNetwork, Conv, Sum


class ResnetOnChip:
    """The network on a device, for some pictures.

    Parameters
    ----------
    device
        With an array and a SIMT core.
    network, x
        The network, and pictures: images x height x width x colours.

    Raises
    ------
    ValueError
        The device's SIMT core cannot run the kernel.
    """

    def __init__(self, device: Device, network: ByteNetwork, x: Bytes):
        self.network, self.count = network, len(x)
        self.pipeline = Pipeline(device)
        self._kernels = RowKernels(device, ("add",))
        pixels = LAYERS[-1].size ** 2
        self.pipeline.constant("ones", np.ones((1, pixels), np.int8))
        for i in range(len(x)):
            self.pipeline.constant(f"x {i}", x[i : i + 1])
            for layer in LAYERS:
                if isinstance(layer, Conv):
                    self._conv(i, layer)
                else:
                    self._sum(i, layer)
            self._head(i)

    def wanted(self, x: Bytes) -> dict[str, Bytes]:
        """What every result must be, by name of its tensor."""
        steps = self.network(x)
        return {
            f"{name} {i}": values[i : i + 1].reshape(self.pipeline.tensors[f"{name} {i}"].shape)
            for name, values in steps.items()
            if name != "x"
            for i in range(self.count)
        }

    def classes(self) -> list[int]:
        """The class of each picture, from the device."""
        tensors = self.pipeline.tensors
        return [int(tensors[f"dense {i}"].numpy().argmax()) for i in range(self.count)]

    def _conv(self, i: int, layer: Conv) -> None:
        product = self.network.products[layer.name]
        shape = layer.kernel, layer.kernel, layer.cin, layer.cout
        into = self.pipeline.result(f"{layer.name} {i}", (1, layer.size, layer.size, layer.cout))
        config = self.pipeline.device.config
        inputs = layer.kernel * layer.cin  # a row of the kernel is what fills rows of the array
        cycles = layer.kernel * product_cycles(config, layer.size**2, layer.cout, inputs)
        self.pipeline.convolution(
            into,
            f"{layer.source} {i}",
            product.weight.reshape(shape),
            cycles,
            stride=layer.stride,
            padding=layer.padding,
            bias=product.bias,
            scale=product.scale,
            qmin=0 if layer.relu else -128,
        )

    def _sum(self, i: int, layer: Sum) -> None:
        pixels, last = layer.size**2, layer.name == LAST
        # What the mean is taken of is a matrix: pixels x channels.
        shape = (pixels, layer.width) if last else (1, layer.size, layer.size, layer.width)
        into = self.pipeline.result(f"{layer.name} {i}", shape)
        total = self.network.sums[layer.name]
        self._kernels.launch(
            self.pipeline,
            "add",
            into,
            pixels * layer.width // ROW_BYTES,
            [
                total.left,
                total.right,
                float(total.scale),
                f"{layer.source} {i}",
                f"{layer.branch} {i}",
            ],
        )

    def _head(self, i: int) -> None:
        config, dense = self.pipeline.device.config, self.network.products["dense"]
        width, pixels = dense.weight.shape[0], LAYERS[-1].size ** 2
        mean = self.pipeline.result(f"mean {i}", (1, width))
        cycles = product_cycles(config, 1, width, pixels)
        self.pipeline.product(mean, "ones", f"{LAST} {i}", cycles, scale=self.network.mean)
        into = self.pipeline.result(f"dense {i}", (1, CLASSES))
        cycles = product_cycles(config, 1, CLASSES, width)
        self.pipeline.product(into, mean, dense.weight, cycles, bias=dense.bias, scale=dense.scale)
