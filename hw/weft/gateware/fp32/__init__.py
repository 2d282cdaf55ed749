"""FP32 of the SIMT core: one pipelined unit for each lane, and two units that lanes share.

`unit.FloatUnit` does what stays in a lane, `divsqrt.DivSqrt` divides and takes roots, and
`special.SpecialUnit` has the functions from a table. Their references are `weft.golden.fp32` and
`weft.golden.fp32_special`, bit by bit.

Every operation that rounds takes all five rounding modes, and subnormals are numbers like others:
on ECP5 the modes cost one LUT of a lane and the subnormals fifty of a thousand, because rounder and
shifters serve conversions to integers anyway. There are no exception flags: five bits for each
thread would have to be read and written by every operation, and compilers never look at them.
"""
