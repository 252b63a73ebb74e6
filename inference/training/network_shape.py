"""At which depths the reasoner can be read; the standard library alone."""

from typing import Final

EXITS: Final = (10, 20)
"""Depths of the exits besides the full depth."""
FULL_DEPTH: Final = 30
DEPTHS: Final = (*EXITS, FULL_DEPTH)
