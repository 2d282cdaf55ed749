"""A trace of a launch, written into a file."""

import json
from pathlib import Path

import numpy as np

import weft
from weft.arch.simt import MAIN
from weft.config import Config
from weft.gateware.act_sram import ActSram
from weft.gateware.simt.latency import Latencies
from weft.gateware.simt.scheduler import Scheduler
from weft.gateware.simt.sizes import Sizes
from weft_driver.launch import DeviceKernel

from ..files import write_atomically
from ..fst import Waves
from .perfetto import trace_events
from .recording import Recording
from .warps import lives


def code_words(kernel: DeviceKernel) -> dict[int, int]:
    """Words of a kernel's file in device memory, by the kernel's addresses."""
    image = kernel.file.image
    base = MAIN.base + image.address
    words = image.numpy()[: image.nbytes & ~3].view("<u4").astype(np.int64)
    return {base + 4 * i: word for i, word in enumerate(words.tolist())}


def write_trace(
    path: Path, waves: Path, config: Config, kernel: DeviceKernel, words: dict[int, int]
) -> int:
    """Make a trace of recorded waves.

    Parameters
    ----------
    path
        The file to write.
    waves
        An FST file of one program with one LAUNCH.
    config
        The chip.
    kernel, words
        What ran, and `code_words` of it.

    Returns
    -------
    int
        Cycles of the kernel.

    Raises
    ------
    ValueError
        See `Recording.of`.
    """
    recording = Recording.of(Waves.read(waves))
    plain = Latencies.of(Sizes.of(config, ActSram.bank_latency)).plain
    depth = plain - Scheduler.latency
    name = kernel.kernel.name
    events = trace_events(
        recording, lives(recording, words, depth), words, kernel.file.locate, name
    )
    about = {"weft_version": weft.__version__, "config_hash": config.hash_hex, "kernel": name}
    value = {"traceEvents": events, "displayTimeUnit": "ns", "otherData": about}
    write_atomically(path, json.dumps(value) + "\n")
    return recording.cycles
