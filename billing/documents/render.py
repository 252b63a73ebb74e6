"""PDF by typst: the only importer of it.

A document is a template of `templates/documents` and data, which goes in as JSON and is only ever shown as
text: what a customer typed cannot become markup. The same data gives the same bytes, so documents are
rendered when they are asked for and kept nowhere. Fonts are those that typst brings along, for Latin, Greek,
Cyrillic and Hebrew script.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import typst
from django.conf import settings

TEMPLATES: Final = "templates/documents"


def render_pdf(template: str, data: Mapping[str, Any], *, issued_at: datetime) -> bytes:
    """Return the document as PDF/A-2b, dated `issued_at`; a page takes about 20 ms."""
    source = settings.BASE_DIR / TEMPLATES / f"{template}.typ"
    rendered = typst.compile(
        source,
        root=settings.BASE_DIR,
        font_paths=_fonts(),
        format="pdf",
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards="a-2b",
        timestamp=int(issued_at.timestamp()),
    )
    if not isinstance(rendered, bytes):
        raise TypeError(f"Expected one file, was {type(rendered)}")
    return rendered


@lru_cache(maxsize=1)
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False)
