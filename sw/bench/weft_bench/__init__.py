"""weft_bench"""
