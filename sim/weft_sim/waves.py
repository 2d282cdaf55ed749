"""A saved GTKWave view beside a file of waves: the signals that one looks at first."""

from pathlib import Path

from amaranth.hdl import Shape

from weft.config import Config
from weft.gateware.interfaces import Axi4

from . import harness

GROUPS = (
    ("clock and interrupt", ("clk", "rst", "irq", "activity[7:0]")),
    ("read address", ("arvalid", "arready", "araddr", "arlen", "arid")),
    ("read data", ("rvalid", "rready", "rlast", "rdata", "rid", "rresp")),
    ("write address", ("awvalid", "awready", "awaddr", "awlen", "awid")),
    ("write data", ("wvalid", "wready", "wlast", "wdata", "wstrb")),
    ("write response", ("bvalid", "bready", "bid", "bresp")),
)
"""Titles and ports; those of the memory port are written without ``m_axi_``."""


def write_view(path: Path, config: Config) -> Path:
    """Write ``FILE.gtkw`` beside ``FILE.fst``; ``gtkwave FILE.gtkw`` opens both."""
    widths = {
        f"m_axi_{name}": Shape.cast(member.shape).width
        for name, member in Axi4(config).members.items()
    }
    lines = [f'[dumpfile] "{path.resolve()}"', "[timestart] 0", "[sst_width] 220"]
    for title, names in GROUPS:
        lines += ["@200", f"-{title}", "@22"]
        for name in names:
            port = f"m_axi_{name}"
            width = widths.get(port, 1)
            signal = port if port in widths else name
            lines.append(
                f"TOP.{harness.TOP}.chip.{signal}" + (f"[{width - 1}:0]" if width > 1 else "")
            )
    view = path.with_suffix(".gtkw")
    view.write_text("\n".join(lines) + "\n")
    return view
