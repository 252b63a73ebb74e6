"""The words of the market, explained once: tooltips and the docs page read the same file."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).with_name("glossary.json")


@dataclass(frozen=True, slots=True)
class Entry:
    """A word and what it means here."""

    slug: str
    name: str
    text: str


@lru_cache(maxsize=1)
def glossary() -> dict[str, Entry]:
    """Return all entries by slug, in the order of the file."""
    words = json.loads(_FILE.read_text())
    return {slug: Entry(slug, entry["name"], entry["text"]) for slug, entry in words.items()}
