"""Figures for `/metrics` that are read from the database: what each app has to say of its own state."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure and the query that reads it: rows of (label, figure), or one of (figure) without a label.

    A query is cheap: on an index, or of few rows. It may use `since_id`, the least id of the last 24 hours,
    and `week_id`, that of the last week.
    """

    name: str
    text: str
    query: str
    label: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
