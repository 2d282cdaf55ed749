"""Random contents for every SRAM of a chip, so that no result can lean on what lay there."""

import numpy as np

from weft.arch.commands import encode
from weft.arch.layouts import PARAM_BYTES
from weft.config import Config
from weft_driver import Device

LOADED, MULTIPLIED = 1 << 0, 1 << 1


def scramble_program(config: Config, source: int) -> bytes:
    """Commands that fill activation, weight and parameter SRAM from memory, then accumulators.

    Parameters
    ----------
    config
        The chip.
    source
        Memory address of `scramble_bytes` random bytes.
    """
    commands = [
        encode(
            "LOAD",
            {
                "space": 0,
                "src": source,
                "len": config.act_region_bytes,
                "count1": 1,
                "count2": 1,
                "dst": region * config.act_region_span,
            },
        )
        for region in range(config.act_regions)
    ]
    commands.append(
        encode(
            "LOAD",
            {
                "space": 2,
                "src": source,
                "len": config.param_blocks * config.cols * PARAM_BYTES,
                "count1": 1,
                "count2": 1,
            },
        )
    )
    commands.append(
        encode(
            "LOAD",
            {
                "space": 1,
                "src": source,
                "len": config.wgt_rows * config.cols,
                "count1": 1,
                "count2": 1,
                "dst_chunk": 1,
                "post": LOADED,
            },
        )
    )
    # Rows one byte apart are as good as random ones; a region too small for that gives equal rows.
    fits = config.acc_total_rows + config.rows <= config.act_region_bytes
    commands.append(
        encode(
            "MATMUL",
            {
                "wait": LOADED,
                "wait_weights": LOADED,
                "post": MULTIPLIED,
                "row_sum": int(config.row_sum),
                "k_tail": config.rows,
                "m0": config.acc_total_rows,
                "m0_stride": int(fits),
            }
            | dict.fromkeys(("blocks", "k0", "k1", "k2", "m1", "m2"), 1),
        )
    )
    commands.append(encode("SIGNAL", {"wait": MULTIPLIED, "end": 1}))
    return b"".join(commands)


def scramble_bytes(config: Config) -> int:
    """Random bytes that `scramble_program` reads."""
    return max(
        config.act_region_bytes,
        config.wgt_rows * config.cols,
        config.param_blocks * config.cols * PARAM_BYTES,
    )


def scramble(device: Device, rng: np.random.Generator) -> None:
    """Fill every SRAM of the chip with random bytes, by one program of its own."""
    size = scramble_bytes(device.config)
    source = device.tensor(rng.integers(0, 256, size, dtype=np.uint8))
    device.run_commands(scramble_program(device.config, source.address))
