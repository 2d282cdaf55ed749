"""Where things are kept that can be made again."""

import os
from pathlib import Path


def build_root() -> Path:
    """Where built things go: ``$WEFT_BUILD``, ``build`` of the checkout, or the user's cache."""
    if chosen := os.environ.get("WEFT_BUILD"):
        return Path(chosen)
    root = Path(__file__).resolve().parents[3]
    if (root / "pyproject.toml").is_file():
        return root / "build"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "weft"
