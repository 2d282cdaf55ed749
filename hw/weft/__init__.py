"""Weft: a systolic array and a SIMT core on one open chip, generated from Amaranth."""

__version__ = "0.1.0"
