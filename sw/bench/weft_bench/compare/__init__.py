"""``weft compare``: which chip wins which job, by measurement, and why."""
