"""The encoder layer as one program: products for the array, launches for the SIMT core.

Tokens pass through in blocks of rows. While the SIMT core has the softmax of one block, the array
has scores of the next; `weft_bench.pipeline` finds the order, and semaphores that the driver makes
from what commands touch do the rest.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft_driver import Device

from ..pipeline import Pipeline
from ..pipeline.pipeline import product_cycles
from ..pipeline.row_kernels import RowKernels
from ..quantised import ByteProduct, Bytes
from .int8 import ByteLayer, tables
from .sizes import COLUMNS


class EncoderOnChip:
    """An encoder layer on a device, its weights and intermediate results in device memory.

    Parameters
    ----------
    device
        With an array and a SIMT core.
    layer, x
        The layer and its input. Keys are computed transposed, from the input transposed: it is
        given both ways, as the layer before would leave it.

    Raises
    ------
    ValueError
        The device's SIMT core cannot run the kernels.
    """

    def __init__(self, device: Device, layer: ByteLayer, x: Bytes):
        self.layer, self.sizes = layer, layer.sizes
        self.pipeline = Pipeline(device)
        self._kernels = RowKernels(device, ("softmax", "norm", "lookup"))
        constant = self.pipeline.constant
        constant("powers", layer.softmax.powers)
        constant("affine 1", layer.norm1.affine)
        constant("affine 2", layer.norm2.affine)
        constant("active table", tables(layer.active))
        constant("x", x)
        constant("x transposed", np.ascontiguousarray(x.T))
        for i in range(self.sizes.blocks):
            constant(f"x {i}", x[self._rows(i)])
        self._keys_and_values()
        for i in range(self.sizes.blocks):
            self._attention(i)
            self._feed_forward(i)

    def wanted(self, x: Bytes) -> dict[str, Bytes]:
        """What every result must be, by name of its tensor."""
        steps = self.layer(x)
        found: dict[str, Bytes] = {}
        for h in range(self.sizes.heads):
            columns = slice(h * self.sizes.head, (h + 1) * self.sizes.head)
            found[f"key {h}"] = steps["key"][columns]
            found[f"value {h}"] = steps["value"][:, columns]
        for i in range(self.sizes.blocks):
            for name in ("context", "attention", "middle", "up", "active", "down", "y"):
                found[f"{name} {i}"] = steps[name][self._rows(i)]
            for name in ("query", "scores", "shares"):
                width = steps[name].shape[1] // self.sizes.heads
                for h in range(self.sizes.heads):
                    part = steps[name][self._rows(i), h * width : (h + 1) * width]
                    found[f"{name} {i} {h}"] = part
        return found

    def y(self) -> Bytes:
        """The layer's result, from the device."""
        parts = [self.pipeline.tensors[f"y {i}"].numpy() for i in range(self.sizes.blocks)]
        return np.concatenate(parts)

    # --- the layer ---------------------------------------------------------------------------

    def _keys_and_values(self) -> None:
        s, layer = self.sizes, self.layer
        for h in range(s.heads):
            rows = slice(h * s.head, (h + 1) * s.head)
            weight = self.pipeline.constant(f"key weight {h}", layer.key.weight[rows])
            self.pipeline.result(f"key {h}", (s.head, s.tokens))
            right = self.pipeline.tensors["x transposed"].host
            assert right is not None
            self._product(f"key {h}", weight, right, s.width, layer.key.scale)
            self.pipeline.result(f"value {h}", (s.tokens, s.head))
            self._linear(f"value {h}", "x", layer.value.columns(h * s.head, s.head))

    def _attention(self, i: int) -> None:
        s, layer = self.sizes, self.layer
        self.pipeline.result(f"context {i}", (s.rows, s.width))
        for h in range(s.heads):
            name = f"{i} {h}"
            self.pipeline.result(f"query {name}", (s.rows, s.head))
            self.pipeline.result(f"scores {name}", (s.rows, s.tokens))
            self.pipeline.result(f"shares {name}", (s.rows, s.tokens))
            self._linear(f"query {name}", f"x {i}", layer.query.columns(h * s.head, s.head))
            self._product(f"scores {name}", f"query {name}", f"key {h}", s.head, layer.scores)
            self._kernels.launch(
                self.pipeline, "softmax", f"shares {name}", s.rows, [f"scores {name}", "powers"]
            )
            self._product(
                f"context {i}",
                f"shares {name}",
                f"value {h}",
                s.tokens,
                layer.context,
                column=h * s.head,
            )
        self.pipeline.result(f"attention {i}", (s.rows, s.width))
        self._linear(f"attention {i}", f"context {i}", layer.output)
        self._norm(f"middle {i}", 1, f"x {i}", f"attention {i}")

    def _feed_forward(self, i: int) -> None:
        s, layer = self.sizes, self.layer
        for name, width in (("up", s.hidden), ("active", s.hidden), ("down", s.width)):
            self.pipeline.result(f"{name} {i}", (s.rows, width))
        self._linear(f"up {i}", f"middle {i}", layer.up)
        rows = s.rows * s.hidden // COLUMNS
        self._kernels.launch(
            self.pipeline, "lookup", f"active {i}", rows, [f"up {i}", "active table"]
        )
        self._linear(f"down {i}", f"active {i}", layer.down)
        self._norm(f"y {i}", 2, f"middle {i}", f"down {i}")

    # --- tasks -------------------------------------------------------------------------------

    def _rows(self, i: int) -> slice:
        return slice(i * self.sizes.rows, (i + 1) * self.sizes.rows)

    def _linear(self, into: str, a: str, linear: ByteProduct) -> None:
        inputs = linear.weight.shape[0]
        self._product(into, a, linear.weight, inputs, linear.scale, bias=linear.bias)

    def _product(
        self,
        into: str,
        a: str,
        b: NDArray[np.int8] | str,
        k: int,
        scale: NDArray[np.float32],
        column: int = 0,
        bias: NDArray[np.int32] | None = None,
    ) -> None:
        tensors = self.pipeline.tensors
        m, n = tensors[a].shape[0], (tensors[b] if isinstance(b, str) else b).shape[1]
        cycles = product_cycles(self.pipeline.device.config, m, n, k)
        more = {} if bias is None else {"bias": bias}
        self.pipeline.product(into, a, b, cycles, column, scale=scale, **more)

    def _norm(self, into: str, number: int, a: str, f: str) -> None:
        norm = self.layer.norm1 if number == 1 else self.layer.norm2
        self.pipeline.result(into, (self.sizes.rows, self.sizes.width))
        values: list[Any] = [norm.left, norm.right, float(norm.epsilon)]
        values += [a, f, f"affine {number}"]
        self._kernels.launch(self.pipeline, "norm", into, self.sizes.rows, values)
