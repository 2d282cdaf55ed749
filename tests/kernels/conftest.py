"""Compiled kernels of the library, each compiled once."""

import os

import pytest

from weft_bench.kernels import LibraryKernel
from weft_driver.kernels import KernelFile, load_kernels

LONG = bool(int(os.environ.get("WEFT_LONG", "0")))


@pytest.fixture(scope="session")
def compiled(tmp_path_factory):
    """``compiled(kernel)`` is its file; compiled in a cache of this run's own."""
    pytest.importorskip("ziglang", reason="extra simt is missing: ziglang")
    files: dict[str, KernelFile] = {}

    def compile_kernel(kernel: LibraryKernel) -> KernelFile:
        if kernel.program not in files:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("WEFT_BUILD", str(tmp_path_factory.getbasetemp() / "kernels"))
                files[kernel.program] = load_kernels(kernel.source)
        return files[kernel.program]

    return compile_kernel
