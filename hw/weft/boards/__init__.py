"""Boards: a table of them, the system that goes on one, and the files that its tools want."""
