"""The SIMT core in software: what every warp does, instruction by instruction."""

from .simulator import Simulator
from .trace import Counters, Retired
from .traps import KernelTrap

__all__ = ["Counters", "KernelTrap", "Retired", "Simulator"]
