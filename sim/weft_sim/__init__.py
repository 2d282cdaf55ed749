"""weft_sim"""
