"""weft_driver"""
