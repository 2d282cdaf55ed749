"""The Verilog around a simulated chip: its inputs pass through registers with a clock of their own.

Verilator evaluates all logic behind an input at every call of ``eval``, whether or not the input
changed; with ``rst`` and the memory port among the inputs that is half of the chip, twice a cycle.
Behind registers it is evaluated only when ``drive`` rises, which the harness lets happen in cycles
in which an input has changed::

    eval        1      2      3      4      5
    clk         0 __   1 ‾‾   0 __   1 ‾‾   0 __
    drive       1 ‾‾   0 __   0 __   0 __   1 ‾‾      inputs change in cycles 0 and 2 only

The clock of the SIMT core goes past them, too: it rises with ``clk``, in cycles in which the core
has something to do.
"""

from weft import emit

CORE_CLOCK = "core_clk"
"""The SIMT core's clock, among the ports of a chip that was emitted for simulation."""

TOP = "harness"
"""Name of the module; the chip in it is named ``chip``."""


def has_core_clock(chip: str) -> bool:
    """Whether the Verilog of a chip leaves the clock of its core to the simulator."""
    return any(port.name == CORE_CLOCK for port in emit.verilog_ports(chip))


def harness_verilog(chip: str) -> str:
    """Verilog of the harness of a chip, given the chip's; its ports are those and ``drive``."""
    ports = [port for port in emit.verilog_ports(chip) if port.name != "clk"]
    held_ports = [port for port in ports if port.name != CORE_CLOCK]
    inputs = [port for port in held_ports if port.direction == "input"]
    outputs = [port for port in ports if port.direction == "output"]
    declared = [f"{port.direction} [{port.width - 1}:0] {port.name}" for port in ports]
    declared = ["input clk", "input drive", *declared]
    held = [f"  reg [{port.width - 1}:0] held_{port.name};" for port in inputs]
    copy = [f"    held_{port.name} <= {port.name};" for port in inputs]
    pins = [".clk(clk)", *(f".{port.name}(held_{port.name})" for port in inputs)]
    pins += [f".{port.name}({port.name})" for port in outputs]
    pins += [f".{CORE_CLOCK}({CORE_CLOCK})"] * (len(ports) - len(held_ports))
    return "\n".join(
        [
            f"module {TOP}(\n  " + ",\n  ".join(declared) + "\n);",
            *held,
            "  always @(posedge drive) begin",
            *copy,
            "  end",
            f"  {emit.TOP} chip(\n    " + ",\n    ".join(pins) + "\n  );",
            "endmodule\n",
        ]
    )
