"""How good an answer has to be: `quality`, OpenAI's `reasoning_effort`, or what a right answer is worth."""

from decimal import Decimal
from typing import Annotated, Final, Literal

from django.conf import settings
from msgspec import Meta

from core.errors import Code, CuxError
from core.money import NANO_PER_USD, PPM
from inference.services.adaptive_quote import AdaptiveAsk

Quality = Annotated[float, Meta(ge=0, le=1)] | Literal["auto"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh"]
_QUALITY_PPM: Final[dict[str, int]] = {
    "none": 500_000,
    "minimal": 600_000,
    "low": 700_000,
    "medium": 850_000,
    "high": 950_000,
    "xhigh": 990_000,
}
"""The chance of being right that each effort asks for."""


def adaptive_ask(
    quality: float | str | None,
    effort: str | None,
    value_usd: float | str | None,
    *,
    max_tokens: int | None,
    cap_ucu: int | None,
) -> AdaptiveAsk | None:
    """Return what is asked of the answer; None if nothing is: then the model that is named answers once.

    Raises:
        CuxError: INVALID_FIELD, two of them say different things.
    """
    if quality is None and effort is None and value_usd is None:
        return None
    if quality is not None and effort is not None:
        message = "Send `quality` or `reasoning_effort`, not both."
        raise CuxError(Code.INVALID_FIELD, message, param="reasoning_effort")
    if value_usd is not None and (effort is not None or quality not in (None, "auto")):
        raise CuxError(Code.INVALID_FIELD, "A value goes with `quality` `auto`.", param="value_usd")
    asked = _QUALITY_PPM[effort] if effort is not None else None
    if isinstance(quality, float | int):
        asked = round(quality * PPM)
    value = settings.ADAPTIVE_VALUE_NANO_USD
    if value_usd is not None:
        value = int(Decimal(str(value_usd)) * NANO_PER_USD)
    return AdaptiveAsk(value_nano_usd=value, quality_ppm=asked, max_tokens=max_tokens, cap_ucu=cap_ucu)
