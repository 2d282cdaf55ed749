"""The planner: from an operation to commands. Pure functions, no device.

`spans` says what commands touch, `hazards` turns that into semaphores, `gemm` and `conv` lay out
one operation, `estimate` predicts its cycles, and `choose` picks the best layout.
"""
