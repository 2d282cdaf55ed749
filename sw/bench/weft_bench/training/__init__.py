"""One training step of a small network in float32, on the SIMT core."""
