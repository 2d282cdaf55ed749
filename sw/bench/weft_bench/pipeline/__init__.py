"""Programs of many products and kernels that overlap: their order, and what each engine costs."""

from .measure import Measured, measure, recorded
from .pipeline import ARRAY, BOTH, SIMT, Pipeline
from .schedule import Task, ordered

__all__ = [
    "ARRAY",
    "BOTH",
    "SIMT",
    "Measured",
    "Pipeline",
    "Task",
    "measure",
    "ordered",
    "recorded",
]
