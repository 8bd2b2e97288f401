"""The version of this package; that of pyproject.toml, as a test holds."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
