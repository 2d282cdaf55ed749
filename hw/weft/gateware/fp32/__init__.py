"""FP32 of the SIMT core: one pipelined unit for each lane, and two units that lanes share."""
