"""What pages that are made from tables have in common."""

MADE_BY = "<!-- Made by `weft docs` from {}. Do not edit. -->"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table of cells in Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines)
