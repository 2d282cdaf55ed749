"""What synthesis must leave as it stands."""

KEEP = {"keep": 1}
"""Attributes of a signal that has a net of its own.

That is a sum which somebody chooses, where synthesis would make one sum behind the choice; or all
that is known early, where something else comes late.
"""
