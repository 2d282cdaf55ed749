"""Benchmarks, the main job and its report, and the pages that are made from tables.

Everything here drives a chip through `weft_driver` and knows nothing of what stands behind it.
"""
