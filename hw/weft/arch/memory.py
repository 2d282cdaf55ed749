"""Limits of the memory port, and the timing of the default memory model."""

from dataclasses import dataclass

MAX_BURST_BEATS = 16
"""Longest AXI burst that the chip issues."""

BURST_BOUNDARY = 4096
"""A burst does not cross a multiple of this (AXI4)."""

FETCH_COMMANDS = 4
"""Commands of the program in one burst at most: more would only stand in front of LOAD's data."""

MAX_OUTSTANDING = 16
"""Bursts of one direction that the default memory accepts at a time."""


def burst_commands(command_beats: int) -> int:
    """Commands of ``command_beats`` in one burst of the program, a power of two."""
    return max(1, min(FETCH_COMMANDS, MAX_BURST_BEATS // command_beats))


def fetch_bursts(command_beats: int) -> int:
    """Whole bursts of the program for which there is room.

    While LOAD has all that memory accepts on its way, one comes in more than a hundred cycles:
    commands must be here long before their turn. Where a burst does not hold `FETCH_COMMANDS` of
    ``command_beats`` the port is so narrow that a third one keeps data waiting for longer.
    """
    return 3 if burst_commands(command_beats) == FETCH_COMMANDS else 2


@dataclass(frozen=True)
class MemoryTiming:
    """The default memory model: in order, one beat a cycle.

    Parameters
    ----------
    latency
        Cycles from an accepted AR to its first R beat, and from the last W beat to its B.
    outstanding
        Bursts of each direction that may be open.
    read_interval, write_interval
        Cycles from one data beat to the next; 1 is full speed.
    """

    latency: int = 40
    outstanding: int = MAX_OUTSTANDING
    read_interval: int = 1
    write_interval: int = 1


BLOCK_MEMORY = MemoryTiming(latency=5, outstanding=4)
"""Main memory in memories of the FPGA, as boards have it: `weft.gateware.block_memory` behind an
`axi_slice`."""
