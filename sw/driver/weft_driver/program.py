"""Programs: operations on tensors, recorded, planned together, run behind one doorbell."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from weft.arch.commands import COMMAND_BYTES

from .convolution import conv_shape
from .errors import check_choice, check_matrix
from .launch import PRIVATE, DeviceKernel, Size, prepare
from .packing import Packing, pack_matrix, pack_slices
from .planner.plan import Plan, plan
from .planner.problem import Buffer, Call, Conv, Gemm, Op
from .planner.split import split
from .quantise import OUT_TYPES, Quantisation, column_sums, quantisation
from .run import Run
from .tensors import Tensor

if TYPE_CHECKING:
    from .device import Device

B_LAYOUTS = ("packed", "row_major")
"""How B lies in memory: packed once by the host, or as it is."""

P = ParamSpec("P")
R = TypeVar("R")


def all_or_nothing(record: Callable[P, R]) -> Callable[P, R]:
    """A recording that fails leaves nothing in its program."""

    @wraps(record)
    def wrapped(*args: P.args, **options: P.kwargs) -> R:
        program: Any = args[0]
        lists = program._keep, program._folded, program._results
        kept = [len(items) for items in lists]
        try:
            return record(*args, **options)
        except BaseException:
            for items, count in zip(lists, kept, strict=True):
                del items[count:]
            raise

    return wrapped


class Program:
    """Operations recorded on a device; made by `Device.program`.

    Use it as a context: operations are recorded inside, and leaving it plans them. `run` may be
    called any number of times; write to input tensors in between to compute something else. Only
    what was packed or summed up on the host when it was recorded must stay as it is.
    """

    def __init__(self, device: "Device"):
        self.device = device
        self.ops: list[Op] = []
        self.macs = 0
        self._keep: list[Tensor] = []  # everything that the commands point to
        self._folded: list[tuple[Tensor, int]] = []  # what the host used, and its version then
        self._results: list[Tensor] = []
        self._plan: Plan | None = None
        self._code: list[Tensor] = []

    # --- recording ---------------------------------------------------------------------------

    def __enter__(self) -> "Program":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.plan()

    @all_or_nothing
    def matmul(
        self,
        a: np.ndarray | Tensor,
        b: np.ndarray | Tensor,
        *,
        bias: Any = None,
        scale: Any = None,
        a_zero_point: int = 0,
        b_zero_point: int = 0,
        y_zero_point: int = 0,
        out: str | None = None,
        qmin: int | None = None,
        qmax: int | None = None,
        b_layout: str | None = None,
        into: Tensor | None = None,
        column: int = 0,
    ) -> Tensor:
        """Record a product; the arguments are those of `Device.matmul`, and two more.

        Parameters
        ----------
        into, column
            A matrix of M rows, and its column in which the result begins: several products can
            fill one matrix side by side. Without it the result is a tensor of its own.

        Returns
        -------
        Tensor
            M x N, or ``into``; holds the result after `run`.
        """
        check_matrix("a", a)
        check_matrix("b", b)
        self._need_own(a, b)
        (m, k), (k_b, n) = a.shape, b.shape
        if k != k_b:
            raise ValueError(f"a is {m} x {k}, b is {k_b} x {n}: the inner sizes differ")
        host = self._host(b)
        layout = b_layout or ("row_major" if host is None else "packed")
        check_choice("b_layout", layout, B_LAYOUTS)
        if layout == "packed" and host is None:
            raise ValueError("b is computed on the device and cannot be packed: use row_major")
        quant = quantisation(
            n=n,
            k=k,
            a_dtype=np.dtype(a.dtype),
            b_dtype=np.dtype(b.dtype),
            sums=None if host is None else column_sums(host),
            bias=bias,
            scale=scale,
            a_zero_point=a_zero_point,
            b_zero_point=b_zero_point,
            y_zero_point=y_zero_point,
            out=out,
            qmin=qmin,
            qmax=qmax,
        )
        self._need_row_sum(quant)
        packed = layout == "packed"
        if packed or quant.a_zero_point:
            self._fold(b)
        left = self._tensor(a)
        right = self._packed(b, "packed", pack_matrix) if packed else self._tensor(b)
        if into is not None:
            fits = into.ndim == 2 and into.shape[0] == m and 0 <= column <= into.shape[1] - n
            self._check_into(into, fits, quant, f"columns {column}..{column + n - 1} of {m} rows")
            if into is a or into is b:
                raise ValueError("into is an operand, too: a product cannot be made in place")
        result = self._result((m, n), quant, into)
        self._record(
            Gemm(
                m=m,
                n=n,
                k=k,
                a=self._buffer(left),
                b=self._buffer(right),
                c=self._buffer(result),
                packed=packed,
                flip_a=a.dtype == np.uint8,
                flip_b=b.dtype == np.uint8 and not packed,
                finish=quant.finish(self._params(quant, n)),
                pitch=0 if into is None else into.shape[1],
                column=column,
            ),
            m * n * k,
        )
        return result

    @all_or_nothing
    def conv2d(
        self,
        x: np.ndarray | Tensor,
        weight: np.ndarray | Tensor,
        *,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, ...] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: Any = None,
        scale: Any = None,
        x_zero_point: int = 0,
        weight_zero_point: int = 0,
        y_zero_point: int = 0,
        out: str | None = None,
        qmin: int | None = None,
        qmax: int | None = None,
        into: Tensor | None = None,
    ) -> Tensor:
        """Record a convolution; the arguments are those of `Device.conv2d`, and one more.

        Parameters
        ----------
        into
            A tensor of the result's shape to take it; else it is one of its own.

        Returns
        -------
        Tensor
            Images x height x width x channels, or ``into``; holds the result after `run`.
        """
        shape = conv_shape(x, weight, stride, padding, dilation, groups)
        self._need_own(x, weight)
        host = self._host(weight)
        if host is None:
            raise ValueError("weight is computed on the device; convolution packs it on the host")
        kh, kw, cin, n = host.shape
        quant = quantisation(
            n=n,
            k=kh * kw * cin,
            a_dtype=np.dtype(x.dtype),
            b_dtype=host.dtype,
            sums=column_sums(host.reshape(-1, n)),
            bias=bias,
            scale=scale,
            a_zero_point=x_zero_point,
            b_zero_point=weight_zero_point,
            y_zero_point=y_zero_point,
            out=out,
            qmin=qmin,
            qmax=qmax,
            names=("x", "weight"),
        )
        self._need_row_sum(quant)
        self._fold(weight)
        height, width = shape.out_size
        image = self._tensor(x)
        size = shape.images, height, width, n
        if into is not None:
            what = f"{' x '.join(map(str, size))} results"
            self._check_into(into, into.shape == size and into is not x, quant, what)
        result = self._result(size, quant, into)
        pixels = shape.images * height * width
        flip = x.dtype == np.uint8
        finish = quant.finish(self._params(quant, n))
        a, c = self._buffer(image), self._buffer(result)
        plain = shape.kernel == shape.stride == (1, 1) and not any(shape.padding)
        if plain:  # a product: every pixel is a row
            b = self._buffer(self._packed(weight, "packed", pack_matrix))
            op: Gemm | Conv = Gemm(pixels, n, cin, a, b, c, flip_a=flip, finish=finish)
        else:
            taps = shape.slices[0] * shape.slices[1]
            b = self._buffer(self._packed(weight, f"conv{taps}", partial(pack_slices, taps)))
            op = replace(shape, a=a, b=b, c=c, flip_a=flip, fill=quant.a_zero_point, finish=finish)
        self._record(op, pixels * kh * kw * cin * n)
        return result

    @all_or_nothing
    def launch(
        self,
        kernel: DeviceKernel,
        grid: Size,
        block: Size,
        args: Sequence[Any] = (),
        *,
        shared: int = 0,
        private: int = PRIVATE,
        pushes: bool = False,
    ) -> None:
        """Record the launch of a kernel; the arguments are those of `Device.launch`.

        It runs when what it reads is there; operations after it see what it wrote. Where the
        kernel writes, only tensors can be given: any of this device, results of the program too.
        """
        prepared = prepare(self.device, kernel, grid, block, args, shared, private, pushes)
        self._keep += prepared.keep
        self._results += [tensor for tensor in prepared.written if not self._writes(tensor)]
        self._record(prepared.call, 0)

    def _need_own(self, *operands: np.ndarray | Tensor) -> None:
        for operand in operands:
            if isinstance(operand, Tensor) and operand.device is not self.device:
                raise ValueError(f"{operand} is on another device: pass the array, or copy it here")

    def _check_into(self, into: Tensor, fits: bool, quant: Quantisation, what: str) -> None:
        self._need_own(into)
        if not fits:
            raise ValueError(f"{what} do not fit into {into}")
        if into.dtype != OUT_TYPES[quant.out]:
            raise TypeError(f"the result is {quant.out}: {into} cannot hold it")

    def _need_row_sum(self, quant: Quantisation) -> None:
        if quant.b_zero_point and not self.device.config.row_sum:
            raise ValueError("a zero point of b needs row sums, which this chip was built without")

    def _record(self, op: Op, macs: int) -> None:
        self.ops.append(op)
        self.macs += macs
        self._plan, self._code = None, []

    def _fold(self, value: np.ndarray | Tensor) -> None:
        """The host uses the contents that an operand has now."""
        if isinstance(value, Tensor):
            self._folded.append((value, value.version))

    def _keeping(self, tensor: Tensor) -> Tensor:
        self._keep.append(tensor)
        return tensor

    def _tensor(self, value: np.ndarray | Tensor) -> Tensor:
        return self._keeping(value if isinstance(value, Tensor) else self.device.tensor(value))

    def _packed(self, b: np.ndarray | Tensor, key: str, pack: Packing) -> Tensor:
        """B as the weight SRAM wants it; kept with a tensor, so that it is packed once."""
        if isinstance(b, Tensor) and key in b.packed:
            return self._keeping(b.packed[key])
        host = self._host(b)
        assert host is not None
        signed = (host ^ 0x80).view(np.int8) if host.dtype == np.uint8 else host
        made = self.device.tensor(pack(self.device.config, signed))
        made.host = None  # the packed bytes are on the device; no second copy here
        if isinstance(b, Tensor):
            b.packed[key] = made
        return self._keeping(made)

    def _params(self, quant: Quantisation, n: int) -> Buffer | None:
        if not quant.params:
            return None
        data = np.frombuffer(quant.param_bytes(self.device.config, n), dtype=np.uint8)
        return self._buffer(self._keeping(self.device.tensor(data)))

    def _result(
        self, shape: tuple[int, ...], quant: Quantisation, into: Tensor | None = None
    ) -> Tensor:
        made = Tensor(self.device, shape, OUT_TYPES[quant.out]) if into is None else into
        result = self._keeping(made)
        if not self._writes(result):
            self._results.append(result)
        return result

    def _buffer(self, tensor: Tensor) -> Buffer:
        return Buffer(tensor.space, tensor.address, self._writes(tensor))

    def _writes(self, tensor: Tensor) -> bool:
        return any(tensor is result for result in self._results)

    def _host(self, value: np.ndarray | Tensor) -> np.ndarray | None:
        """Contents that the host knows; not those of a tensor that the program writes."""
        if isinstance(value, np.ndarray):
            return value
        return None if self._writes(value) else value.host

    # --- planning and running ----------------------------------------------------------------

    def plan(self) -> Plan:
        """The plan of what was recorded; made once and kept."""
        if self._plan is None:
            if not self.ops:
                raise ValueError("the program is empty")
            if len(self.ops) > 1 and any(
                isinstance(op, Call) and op.fields["pushes"] for op in self.ops
            ):
                raise ValueError(
                    "a kernel that pushes commands uses SRAMs and semaphores as it likes: make its "
                    "launch a program of its own"
                )
            self._plan = plan(
                self.device.config, self.ops, self.device.transport.timing, self.device.effort
            )
        return self._plan

    def explain(self) -> str:
        """The plan in words."""
        return self.plan().explain()

    def disassemble(self) -> str:
        """The commands as text, one a line."""
        return self.plan().disassemble()

    def run(self, limit: int | None = None) -> Run:
        """Run it; results are in their tensors afterwards.

        Parameters
        ----------
        limit
            Cycles after which it is stopped; None: no limit if it has kernels, which take as long
            as they take, else far more than it can need.

        Raises
        ------
        ValueError
            A tensor was written after its contents were packed or summed up.
        DeviceError
            The chip halted; it is ready for the next program.
        """
        for tensor, version in self._folded:
            if tensor.version != version:
                raise ValueError(
                    f"{tensor} was written after the host had packed or summed it for this "
                    "program: record it again, or use b_layout = 'row_major' without zero point"
                )
        if not self._code:
            programs = split(self.device.config, self.plan().program)
            codes = [np.frombuffer(program.lower(), dtype=np.uint8) for program in programs]
            self._code = [self.device.tensor(code) for code in codes]
        for result in self._results:
            result.changed()
        if limit is None and not any(isinstance(op, Call) for op in self.ops):
            limit = 1_000_000 + 200 * self.plan().estimate.cycles
        calls = [(code.address, code.nbytes // COMMAND_BYTES) for code in self._code]
        return self.device.execute_all(calls, macs=self.macs, limit=limit)
