"""The encoder layer as one program: products for the array, launches for the SIMT core.

Tokens pass through in blocks of rows. While the SIMT core has the softmax of one block, the array
has scores of the next; `weft_bench.pipeline` finds the order, and semaphores that the driver makes
from what commands touch do the rest.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from weft.arch.layouts import ceil_div
from weft.arch.simt import Core
from weft_driver import Device

from ..pipeline import Pipeline
from .int8 import ByteLayer, ByteLinear, Bytes, tables
from .sizes import COLUMNS

LANES = 8
"""Lanes that the kernels are made for."""

ROW_CYCLES = {"softmax": 150, "norm": 300, "lookup": 75}
"""Of the kernels, for each row of 128 bytes, about: they only decide the order of commands."""

PRODUCT_CYCLES = 60
"""What a product takes beside its work, about: for the same."""

KERNELS = {
    "softmax": ("softmax.c", "softmax_bytes"),
    "norm": ("layer_norm.c", "add_norm"),
    "lookup": ("lookup.c", "lookup"),
}
"""File and function."""

TABLE_BYTES = {"softmax": 4 * 256, "norm": 2 * 4 * COLUMNS, "lookup": 4 * 4 * 256}
"""Shared memory that each kernel takes, for its table."""


class EncoderOnChip:
    """An encoder layer on a device, its weights and intermediate results in device memory.

    Parameters
    ----------
    device
        With an array, and a SIMT core of `LANES` lanes with floating point.
    layer, x
        The layer and its input. Keys are computed transposed, from the input transposed: it is
        given both ways, as the layer before would leave it.

    Raises
    ------
    ValueError
        The device has no such core.
    """

    def __init__(self, device: Device, layer: ByteLayer, x: Bytes):
        core = Core.of(device.config)
        if core.lanes != LANES or not core.has_float:
            raise ValueError(
                f"{device.url}: the kernels need a SIMT core of {LANES} lanes with floating point"
            )
        self.layer, self.sizes = layer, layer.sizes
        self.pipeline = Pipeline(device)
        self._config, self._threads = device.config, core.threads
        self._kernels = {
            name: device.load_kernels(Path(__file__).parent / file)[function]
            for name, (file, function) in KERNELS.items()
        }
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
            self._launch(f"shares {name}", "softmax", [s.rows, f"scores {name}", "powers"], s.rows)
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
        self._launch(f"active {i}", "lookup", [rows, f"up {i}", "active table"], rows)
        self._linear(f"down {i}", f"active {i}", layer.down)
        self._norm(f"y {i}", 2, f"middle {i}", f"down {i}")

    # --- tasks -------------------------------------------------------------------------------

    def _rows(self, i: int) -> slice:
        return slice(i * self.sizes.rows, (i + 1) * self.sizes.rows)

    def _linear(self, into: str, a: str, linear: ByteLinear) -> None:
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
        c, tensors = self._config, self.pipeline.tensors
        m, n = tensors[a].shape[0], (tensors[b] if isinstance(b, str) else b).shape[1]
        work = ceil_div(k, c.rows) * ceil_div(n, c.cols) * max(m, c.rows)
        more = {} if bias is None else {"bias": bias}
        self.pipeline.product(into, a, b, work + PRODUCT_CYCLES, column, scale=scale, **more)

    def _norm(self, into: str, number: int, a: str, f: str) -> None:
        norm = self.layer.norm1 if number == 1 else self.layer.norm2
        self.pipeline.result(into, (self.sizes.rows, self.sizes.width))
        values = [self.sizes.rows, norm.left, norm.right, float(norm.epsilon)]
        self._launch(into, "norm", [*values, a, f, f"affine {number}"], self.sizes.rows)

    def _launch(self, into: str, kernel: str, arguments: list, rows: int) -> None:
        self.pipeline.launch(
            into,
            self._kernels[kernel],
            arguments,
            rows * ROW_CYCLES[kernel],
            self._threads,
            shared=TABLE_BYTES[kernel],
        )
