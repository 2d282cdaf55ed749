"""What is true of the chip: command and register tables, layouts, numerics. Standard library only."""
