"""Integer formulas that host, golden model and hardware share."""

import math
import struct


def scale_error(bits: int) -> str | None:
    """Why a float32 (as bits) cannot be a requantisation scale; None when it can.

    A scale is a positive normal float32 (sources: onnxruntime's and LiteRT's scales are).
    """
    (value,) = struct.unpack("<f", bits.to_bytes(4, "little"))
    exponent = bits >> 23 & 0xFF
    if math.isnan(value):
        return "is not a number"
    if bits >> 31:
        return "is negative"
    if bits == 0:
        return "is zero"
    if exponent == 0:
        return "is subnormal"
    if exponent == 255:
        return "is infinite"
    return None


def gemm_ideal_cycles(
    *,
    m: int,
    n: int,
    k: int,
    out_bytes: int,
    rows: int,
    cols: int,
    bus_bytes: int,
    drain_units: int,
) -> int:
    """Fewest cycles in which any schedule could do one product: the roofline.

    The largest of array time, memory reads, memory writes and, for int8, requantisation.
    """
    array = -(-k // rows) * -(-n // cols) * m
    read = -(-(m * k + k * n) // bus_bytes)
    write = -(-(m * n * out_bytes) // bus_bytes)
    drain = -(-(m * n) // drain_units) if out_bytes == 1 else 0
    return max(array, read, write, drain)
