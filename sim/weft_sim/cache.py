"""Where built things are kept, and how they get there whole or not at all.

A library lies in a folder named by the hash of all that went into it. It is built in a folder
beside that one and renamed when it is complete, so that an interrupted build leaves nothing that
looks like a good one; a lock keeps two builds of the same thing apart.
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from weft_driver.folders import build_root

UNUSED_DAYS = 14
"""Libraries that nobody opened for so long are deleted when another is built."""


def key_of(*parts: str) -> str:
    """A name that changes with any of these texts."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:16]


def write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody ever reads half of it."""
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    partial.write_text(text)
    partial.rename(path)


def cached_library(name: str, make: Callable[[Path], None], product: str = "library.so") -> Path:
    """Path of ``product`` in folder ``name`` of the cache, made by ``make`` when missing."""
    root = build_root() / "verilator"
    final = root / name
    library = final / product
    if library.is_file():
        os.utime(final)
        return library
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if library.is_file():  # another process built it while this one waited
            return library
        for stale in (*root.glob(f"{name}.partial-*"), final):
            shutil.rmtree(stale, ignore_errors=True)
        partial = root / f"{name}.partial-{os.getpid()}"
        partial.mkdir()
        try:
            make(partial)
            for path in partial.iterdir():  # objects are many times the library
                if path.name != product and path.suffix != ".v":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            partial.rename(final)
            _forget_unused(root)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return library


def _forget_unused(root: Path) -> None:
    oldest = time.time() - UNUSED_DAYS * 86400
    for path in root.iterdir():
        if path.is_dir() and path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)
            path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
