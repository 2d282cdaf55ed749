"""Kernels on the chip, measured: on several cores, under several latencies, cycle by cycle."""
