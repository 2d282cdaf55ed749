"""The golden model: what the chip computes, in numpy and in program order, checked for races."""
