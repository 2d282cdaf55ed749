"""Drive a Weft chip from Python: ``Device("verilator:base").matmul(a, b)``."""

from .device import Device
from .errors import DeviceError
from .program import Program
from .run import Run
from .tensors import Tensor
from .transport import Transport

__all__ = ["Device", "DeviceError", "Program", "Run", "Tensor", "Transport"]
