"""The address map: where a lane's address leads, and what stands there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from weft.arch.simt import MAIN, PORT, PRIVATE, SHARED, Core, Launch, PortWord, Trap

from .coalesce import memory_passes, shared_passes
from .footprint import Footprint
from .trace import Counters
from .traps import ThreadTrap

PORT_WORDS = 16
"""Words of a command, and semaphores."""


class CommandPort(Protocol):
    """The chip behind the command port."""

    def push(self, command: bytes) -> None:
        """Hand a command to the dispatcher."""
        ...

    def take(self, semaphore: int) -> bool:
        """Take a semaphore once if it is above zero."""
        ...


@dataclass(frozen=True)
class Access:
    """One lane's access: which array, and the byte in it."""

    lane: int
    window: str
    offset: int


class Memories:
    """Main memory, shared memory and the command port, as one kernel sees them.

    Parameters
    ----------
    core
        Sizes.
    main
        Main memory, flat uint8, a multiple of 4 bytes long; not copied.
    shared
        The activation SRAM, flat uint8; not copied.
    span
        Bytes in ``shared`` from one region to the next; the rest of each is a hole.
    port
        The chip; None if there is none: its window traps then.

    Attributes
    ----------
    footprint
        Collects what is touched, if not None.
    """

    def __init__(
        self,
        core: Core,
        main: NDArray[np.uint8],
        shared: NDArray[np.uint8],
        span: int | None = None,
        port: CommandPort | None = None,
    ):
        for array in (main, shared):
            if array.dtype != np.uint8 or array.ndim != 1 or len(array) % 4:
                raise ValueError(
                    f"memory is {array.dtype}, {array.ndim}-D, {array.size} bytes: must be flat "
                    "uint8 of whole words"
                )
        self.core = core
        self.footprint: Footprint | None = None
        self._port = port
        self._span = span or core.region_bytes
        self._main_bytes = len(main)
        self._views = {
            window.name: {size: array.view(f"u{size}").data for size in (1, 2, 4)}
            for window, array in ((MAIN, main), (SHARED, shared))
        }
        self._command = bytearray(4 * PORT_WORDS)
        self.start(Launch(entry=0))

    def start(self, launch: Launch) -> None:
        """A kernel begins: its private memory is where ``launch`` says."""
        self._launch = launch

    # --- code ----------------------------------------------------------------------------------

    def fetch(self, pc: int) -> int | None:
        """The instruction word at a program counter; None where there is no code."""
        offset = pc - MAIN.base
        if 0 <= offset <= self._main_bytes - 4:
            if self.footprint is not None:
                self.footprint.add(MAIN.name, False, 4, offset)
            return self._views[MAIN.name][4][offset >> 2]
        return None

    # --- data ----------------------------------------------------------------------------------

    def load(self, addresses: dict[int, int], warp: int, size: int, counters: Counters) -> list:
        """Values at the addresses of lanes, zero-extended, in the order of ``addresses``.

        Parameters
        ----------
        addresses
            Kernel addresses by lane, ascending.
        warp
            Hardware warp.
        size
            1, 2 or 4 bytes.
        counters
            Counts the passes.

        Raises
        ------
        ThreadTrap
            For the lowest lane that must not read there; nothing has been read. Where main memory
            ends, for the lowest lane that takes part.
        """
        accesses = self._resolve_all(addresses, warp, size, False)
        self._count(accesses, size, counters)
        self._note(accesses, size, False)
        return [
            self._views[at.window][size][at.offset // size]
            if at.window != PORT.name
            else self._take(at)
            for at in accesses
        ]

    def store(
        self,
        addresses: dict[int, int],
        values: Sequence[int],
        warp: int,
        size: int,
        counters: Counters,
    ) -> None:
        """Write the low bytes of values at the addresses of lanes; else like `load`."""
        accesses = self._resolve_all(addresses, warp, size, True)
        self._count(accesses, size, counters)
        self._note(accesses, size, True)
        for at, value in zip(accesses, values, strict=True):
            if at.window == PORT.name:
                self._push(at, value)
            else:
                view = self._views[at.window][size]
                view[at.offset // size] = value & (1 << 8 * size) - 1

    def atomic(
        self,
        addresses: dict[int, int],
        values: Sequence[int],
        update: Callable[[int, int], int],
        counters: Counters,
    ) -> list[int]:
        """Replace shared words by ``update(old, value)``, lane by lane; returns the old words."""
        accesses = []
        for lane, address in addresses.items():
            if address not in SHARED:
                raise _unmapped(lane, address, "atomics work on shared memory only")
            accesses.append(self._resolve(lane, address, 0, 4, True))
        self._count(accesses, 4, counters, atomic=True)
        self._note(accesses, 4, True)
        words = self._views[SHARED.name][4]
        old = []
        for at, value in zip(accesses, values, strict=True):
            old.append(words[at.offset >> 2])
            words[at.offset >> 2] = update(old[-1], value)
        return old

    def _resolve_all(
        self, addresses: dict[int, int], warp: int, size: int, write: bool
    ) -> list[Access]:
        """Where lanes lead. Only memory knows where it ends: it answers, when all have asked."""
        accesses = [
            self._resolve(lane, address, warp, size, write) for lane, address in addresses.items()
        ]
        for at in accesses:
            if at.window == MAIN.name and at.offset + size > self._main_bytes:
                address = addresses[at.lane]
                why = f"{address:#010x}: main memory has {self._main_bytes:#x} bytes"
                raise ThreadTrap(Trap.MEMORY_ERROR, min(addresses), why)
        return accesses

    # --- one lane ------------------------------------------------------------------------------

    def _resolve(self, lane: int, address: int, warp: int, size: int, write: bool) -> Access:
        if address % size:
            raise ThreadTrap(
                Trap.DATA_MISALIGNED, lane, f"{address:#010x} with an access of {size} bytes"
            )
        if address >= MAIN.base:
            return Access(lane, MAIN.name, address - MAIN.base)
        if address in SHARED:
            offset = address - SHARED.base
            if offset >= self.core.shared_bytes:
                raise _unmapped(lane, address, f"{self.core.shared_bytes:#x} bytes are shared")
            region, byte = divmod(offset, self.core.region_bytes)
            return Access(lane, SHARED.name, region * self._span + byte)
        if address in PRIVATE:
            own, launch = address - PRIVATE.base, self._launch
            if own >= launch.private:
                raise _unmapped(lane, address, f"{launch.private} bytes are private")
            row = warp * launch.private + (own & ~3)
            offset = launch.private_base + row * self.core.lanes + 4 * lane + own % 4
            return Access(lane, MAIN.name, offset)
        if address in PORT and self._port is not None:
            return self._port_access(lane, address, size, write)
        raise _unmapped(lane, address, "outside every window")

    def _port_access(self, lane: int, address: int, size: int, write: bool) -> Access:
        offset = address - PORT.base
        if write:
            known = offset == PortWord.PUSH or PortWord.WORDS <= offset < 4 * PORT_WORDS
        else:
            known = PortWord.TAKE <= offset < PortWord.TAKE + 4 * PORT_WORDS
        if size != 4 or not known:
            what = "write" if write else "read"
            raise _unmapped(lane, address, f"the command port has no word to {what} there")
        return Access(lane, PORT.name, offset)

    def _push(self, at: Access, value: int) -> None:
        assert self._port is not None
        if at.offset == PortWord.PUSH:
            self._port.push(bytes(self._command))
        else:
            self._command[at.offset : at.offset + 4] = value.to_bytes(4, "little")

    def _take(self, at: Access) -> int:
        assert self._port is not None
        return int(self._port.take(at.offset - PortWord.TAKE >> 2))

    def _note(self, accesses: list[Access], size: int, write: bool) -> None:
        if self.footprint is not None:
            for at in accesses:
                self.footprint.add(at.window, write, size, at.offset)

    def _count(
        self, accesses: list[Access], size: int, counters: Counters, atomic: bool = False
    ) -> None:
        shared = [at.offset for at in accesses if at.window == SHARED.name]
        memory = [at.offset for at in accesses if at.window == MAIN.name]
        if shared:
            counters.shared_accesses += 1
            if self._span != self.core.region_bytes:
                region, span = self.core.region_bytes, self._span
                shared = [o // span * region + o % span for o in shared]
            counters.bank_conflicts += shared_passes(self.core, shared, atomic) - 1
        if memory:
            bursts, beats = memory_passes(self.core, memory, size)
            counters.memory_accesses += 1
            counters.memory_split += bursts > 1
            counters.memory_bursts += bursts
            counters.memory_beats += beats


def _unmapped(lane: int, address: int, why: str) -> ThreadTrap:
    return ThreadTrap(Trap.DATA_UNMAPPED, lane, f"{address:#010x}: {why}")
