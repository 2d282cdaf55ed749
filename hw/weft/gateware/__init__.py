"""The chip in Amaranth: each file makes happen what its namesake in `weft.golden` says should."""
