"""Programs that are longer than one doorbell can start."""

from dataclasses import replace

from weft.arch.registers import MAX_COMMANDS
from weft.config import Config

from .hazards import synchronise
from .spans import span
from .steps import KERNELS, Program, Step


def split(config: Config, program: Program, most: int = MAX_COMMANDS) -> list[Program]:
    """Programs to run one after the other; the SRAMs keep what they hold in between.

    Parameters
    ----------
    config
        The chip.
    program
        What to split; its last command is the SIGNAL that ends it.
    most
        Commands that a program may have.

    Returns
    -------
    list
        ``program`` alone where it is short enough; else programs with semaphores of their own,
        each of which ends when everything in it is done.
    """
    if len(program.steps) <= most:
        return [program]
    everything = (
        span("act", 0, config.act_regions * config.act_region_span),
        span("wgt", 0, config.wgt_rows),
        span("acc", 0, config.acc_total_rows),
        span("param", 0, config.param_blocks),
        KERNELS,
    )
    end = Step("SIGNAL", {"end": 1}, reads=everything, note="part done")
    # A part may end before MATMUL has read what a fence hides: it must wait for the LOAD itself.
    steps = [
        replace(step, fields={**step.fields, "fence": 0}) if "fence" in step.fields else step
        for step in program.steps[:-1]
    ]
    parts = [steps[i : i + most - 1] for i in range(0, len(steps), most - 1)]
    return [synchronise(config, [*part, end]) for part in parts]
