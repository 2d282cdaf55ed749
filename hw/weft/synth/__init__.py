"""Synthesis, placement and routing with open tools, and what they say about size and speed.

`area` measures a part of the chip; `between` puts it between registers, `yosys` makes a netlist
of it, `nextpnr` places and routes that, and `blocks` says where the LUTs went.
"""
