"""What Yosys makes of main memory: the FPGA's own memories, and not flip-flops.

That of a small chip is one of its two banks; on the iCE40 they are SPRAM, which nothing else has.
"""

import json
from pathlib import Path

import pytest

from weft import emit
from weft.boards.table import BOARDS
from weft.gateware.block_memory import BlockMemory
from weft.gateware.small.bank import Bank
from weft.synth.families import FAMILIES
from weft.synth.tools import find_yosys

SCRIPTS = {
    "ice40": ("synth_ice40 -spram -top memory", {"SB_SPRAM256KA": 2}),
    "ecp5": ("synth_ecp5 -top memory", {"DP16KD": 64}),
    "gowin": ("synth_gowin -family gw2a -top memory", {"SP": 16}),
}
"""How each family is synthesised, and the cells that hold the memory of its board."""


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_main_memory_is_block_memory(board, tmp_path: Path):
    yosys, size = find_yosys(), board.memory_bytes
    memory = Bank(size) if board.small else BlockMemory(board.config, size)
    (tmp_path / "memory.v").write_text(emit.component_verilog(memory, "memory"))
    command, expected = SCRIPTS[board.family]
    steps = f"read_verilog memory.v\n{command}\nwrite_json out.json\n"
    (tmp_path / "steps.ys").write_text(steps)
    yosys.run(["steps.ys"], tmp_path / "log")
    cells = json.loads((tmp_path / "out.json").read_text())["modules"]["memory"]["cells"]
    kinds = [cell["type"] for cell in cells.values()]
    assert {kind: kinds.count(kind) for kind in expected} == expected
    assert len(kinds) < 1000, "the rest is small"
    counted = FAMILIES[board.family].cells
    assert all(counted.get(kind) == ("brams",) for kind in expected if "SPRAM" not in kind)
