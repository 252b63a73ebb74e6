"""Countries, and what their VAT identification numbers look like.

Formats of the EU: European Commission, VIES, "VAT identification number structure"; of CH, GB and NO: their
tax offices. A format says that a number can exist, not that it does.
"""

import re
from typing import Final

from billing.rules.country_names import COUNTRY_NAMES

COUNTRIES: Final = frozenset(COUNTRY_NAMES)
"""ISO 3166-1 alpha-2."""

_EU: Final = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU: Final = frozenset(_EU.split())

_FORMATS: Final = {
    "AT": r"ATU\d{8}",
    "BE": r"BE[01]\d{9}",
    "BG": r"BG\d{9,10}",
    "CH": r"CHE\d{9}(MWST|TVA|IVA)?",
    "CY": r"CY\d{8}[A-Z]",
    "CZ": r"CZ\d{8,10}",
    "DE": r"DE\d{9}",
    "DK": r"DK\d{8}",
    "EE": r"EE\d{9}",
    "ES": r"ES[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"FI\d{8}",
    "FR": r"FR[A-HJ-NP-Z0-9]{2}\d{9}",
    "GB": r"GB(\d{9}|\d{12}|GD[0-4]\d{2}|HA[5-9]\d{2})",
    "GR": r"EL\d{9}",
    "HR": r"HR\d{11}",
    "HU": r"HU\d{8}",
    "IE": r"IE(\d{7}[A-W][A-I]?|\d[A-Z+*]\d{5}[A-W])",
    "IT": r"IT\d{11}",
    "LT": r"LT(\d{9}|\d{12})",
    "LU": r"LU\d{8}",
    "LV": r"LV\d{11}",
    "MT": r"MT\d{8}",
    "NL": r"NL\d{9}B\d{2}",
    "NO": r"NO\d{9}(MVA)?",
    "PL": r"PL\d{10}",
    "PT": r"PT\d{9}",
    "RO": r"RO\d{2,10}",
    "SE": r"SE\d{12}",
    "SI": r"SI\d{8}",
    "SK": r"SK\d{10}",
}
_ELSEWHERE: Final = r"[A-Z0-9]{4,20}"
_PATTERNS: Final = {country: re.compile(rf"{text}\Z", re.ASCII) for country, text in _FORMATS.items()}
_ANY: Final = re.compile(rf"{_ELSEWHERE}\Z", re.ASCII)
_SEPARATORS: Final = re.compile(r"[\s.\-/]")


def vat_id_normalised(country: str, vat_id: str) -> str | None:
    """Return a VAT id without separators and in capitals; None if the country has no such numbers.

    Countries whose format is not known here take 4 to 20 letters and digits.
    """
    plain = _SEPARATORS.sub("", vat_id).upper()
    return plain if _PATTERNS.get(country, _ANY).match(plain) else None
