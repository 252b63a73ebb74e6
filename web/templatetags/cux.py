"""Template filters and tags of the marketplace."""

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.rules.country_names import country_name
from core.clock import utc_now
from core.money import format_usd
from web import figures
from web.glossary import glossary
from web.words import BLOCKED_BECAUSE, account_word, entry_word, state_word

register = template.Library()


@register.filter
def usd(amount_nano_usd: int) -> str:
    """Render nano-USD as dollars, exactly."""
    return format_usd(amount_nano_usd)


@register.filter
def cents(amount_nano_usd: int) -> str:
    """Render nano-USD as dollars cut at the cent, where the exact amount stands elsewhere."""
    return format_usd(amount_nano_usd, places=2)


@register.filter
def number(value: int) -> str:
    """Render an integer in groups of three digits."""
    return f"{value:,}"


@register.filter
def cu(compute_ucu: int) -> str:
    """Render µCU as CU."""
    return figures.cu(compute_ucu)


@register.filter
def change(rate_ppm: int) -> str:
    """Render a change in parts per million as percent with its direction."""
    return figures.change(rate_ppm)


@register.filter
def words(name: str) -> str:
    """Render a name from a closed list, such as `deferred_fees`, in words."""
    return name.replace("_", " ").replace(".", ", ")


@register.filter
def state(status: str, kind: str) -> str:
    """Render a state of a `deposit`, a `refund` and so on in people's words."""
    return state_word(status, kind)


@register.filter
def entry(kind: str) -> str:
    """Render a kind of the ledger's entries in people's words."""
    return entry_word(kind)


@register.filter
def account(kind: str) -> str:
    """Render a kind of the ledger's accounts in people's words."""
    return account_word(kind)


@register.filter
def country(code: str) -> str:
    """Render a country's code as its name."""
    return country_name(code)


@register.filter
def signed(amount_nano_usd: int) -> str:
    """Render nano-USD that came in or went out, exactly: `+$1.50`, `−$1.50`."""
    return f"{'−' if amount_nano_usd < 0 else '+'}{format_usd(abs(amount_nano_usd))}"


@register.filter
def why_blocked(reason: str) -> str:
    """Render why a payout waits."""
    return BLOCKED_BECAUSE[reason]


@register.filter
def moment(text: str) -> datetime:
    """Read an instant of the API's views."""
    return datetime.fromisoformat(text)


@register.filter
def left(until: datetime) -> str:
    """Render how long it is until a moment."""
    return figures.time_left(until, utc_now())


@register.filter
def short_id(public_id: str) -> str:
    """Render an id by its prefix and its end, which is where ids differ."""
    prefix, _, digits = public_id.partition("_")
    return f"{prefix}_…{digits[-6:]}"


@register.simple_tag
def term(slug: str, label: str) -> SafeString:
    """Render a word with its explanation, shown on hover and on focus."""
    return format_html(
        '<span class="term" tabindex="0">{}<span class="tip" role="tooltip">{}</span></span>',
        label,
        glossary()[slug].text,
    )
