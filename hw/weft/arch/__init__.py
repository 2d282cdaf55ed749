"""What is true of the chip: tables, layouts, numerics. Standard library only."""
