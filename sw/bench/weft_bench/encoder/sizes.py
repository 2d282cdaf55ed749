"""How large an encoder layer is, and in which pieces it is computed."""

from dataclasses import dataclass

COLUMNS = 128
"""Bytes of a row that the kernels of softmax and layer norm take: S and D."""


@dataclass(frozen=True)
class Sizes:
    """An encoder layer.

    Parameters
    ----------
    tokens, width
        S and D, both `COLUMNS`.
    heads
        Attention heads, each of ``width / heads`` columns.
    hidden
        F, columns of the feed-forward part.
    rows
        Tokens that pass through the layer together: while the array has some, the SIMT core has
        others.
    """

    tokens: int = COLUMNS
    width: int = COLUMNS
    heads: int = 2
    hidden: int = 512
    rows: int = 64

    def __post_init__(self) -> None:
        for name in ("tokens", "width"):
            if getattr(self, name) != COLUMNS:
                raise ValueError(f"{name} = {getattr(self, name)}: the kernels take {COLUMNS}")
        for name, whole, part in (
            ("heads", self.width, self.heads),
            ("rows", self.tokens, self.rows),
        ):
            if part < 1 or whole % part:
                raise ValueError(f"{name} = {part} must divide {whole}")
        if self.hidden < 4 or self.hidden % 4:
            raise ValueError(f"hidden = {self.hidden} must be a multiple of 4")

    @property
    def head(self) -> int:
        """Columns of a head."""
        return self.width // self.heads

    @property
    def blocks(self) -> int:
        """Groups of `rows` tokens."""
        return self.tokens // self.rows

    @property
    def macs(self) -> int:
        """Multiplications of all products."""
        s, d = self.tokens, self.width
        return 4 * s * d * d + 2 * s * s * d + 2 * s * d * self.hidden


BERT_TINY = Sizes()
"""S 128, D 128, 2 heads, F 512."""
