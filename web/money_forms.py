"""Forms about money: amounts in dollars and cents, cards, rules, whom documents are made out to."""

import re
from typing import Any, Final

from django import forms

from accounts.webhook_events import TYPES
from billing.rules.country_names import COUNTRY_NAMES
from core.errors import Code, CuxError
from core.money import NANO_PER_CENT, format_usd
from web.forms import is_fresh_key

_USD: Final = re.compile(r"(\d{1,9})(?:\.(\d{1,2}))?\Z")
_HOW: Final = "Enter dollars and cents, such as 25.00."
COUNTRY_CHOICES: Final = [("", "Choose…"), *sorted(COUNTRY_NAMES.items(), key=lambda pair: pair[1])]
"""Codes, by their names."""
_CLOSED: Final = "Too many wrong codes. Wait a quarter of an hour, then try again."
CARD_PAGE: Final = "page"
"""What is chosen to pay on the payment service's page instead of with a saved card."""


class UsdField(forms.CharField):
    """An amount in whole cents above zero, read as nano-USD; digits may be grouped."""

    def __init__(self, **options: Any) -> None:
        """Make it a short field with figures."""
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "maxlength": 16})
        super().__init__(widget=widget, error_messages={"required": _HOW}, **options)

    def clean(self, value: Any) -> int | None:
        """Return nano-USD; None if nothing was entered and nothing had to be."""
        text = re.sub(r"[\s,$\u202f]", "", super().clean(value))
        if not text:
            return None
        read = _USD.match(text) if text.isascii() else None
        cents = int(read[1]) * 100 + int((read[2] or "").ljust(2, "0")) if read else 0
        if cents == 0:
            raise forms.ValidationError(_HOW)
        return cents * NANO_PER_CENT


def plain_usd(amount_nano_usd: int) -> str:
    """Return an amount as it is typed: `25.00`."""
    return format_usd(amount_nano_usd)[1:].replace(",", "")


class MoneyForm(forms.Form):
    """A form whose refusals stand next to the field that they name, or above all."""

    params: dict[str, str] = {}
    """Fields of commands, by which refusals name what they are about, and fields here, where names differ."""

    def __init__(self, *args: Any, **options: Any) -> None:
        """Leave checking to the server, which says what is wrong in words of ours."""
        super().__init__(*args, **options)
        self.use_required_attribute = False

    def refuse(self, error: CuxError) -> None:
        """Show a refusal of what this form asked for."""
        name = self.params.get(error.param or "", error.param)
        self.add_error(name if name in self.fields else None, error.message)


class OnceForm(MoneyForm):
    """A form that is done once, however often it is sent: `key` says which sending is which."""

    key = forms.CharField(widget=forms.HiddenInput)

    def clean_key(self) -> str:
        """Take only keys we made."""
        key: str = self.cleaned_data["key"]
        if not is_fresh_key(key):
            raise forms.ValidationError("This form is broken: load the page again.")
        return key


class DepositForm(OnceForm):
    """How much to pay in and how: with a saved card, or on the card page."""

    params = {"amount_nano_usd": "amount", "payment_method": "pay_with"}
    amount = UsdField(label="Amount", help_text="$5.00 to $10,000.00.")
    pay_with = forms.ChoiceField(label="Pay with")
    save_card = forms.BooleanField(label="Save the card for next time", required=False)

    def __init__(self, *args: Any, cards: list[tuple[str, str]], **options: Any) -> None:
        """Offer these saved cards, as (id, label), and the page."""
        super().__init__(*args, **options)
        self.fields["pay_with"].choices = [*cards, (CARD_PAGE, "Another card, on the card page")]  # type: ignore[attr-defined]


class RefundForm(OnceForm):
    """How much to have back."""

    params = {"amount_nano_usd": "amount"}
    amount = UsdField(label="Amount")


class TopUpForm(MoneyForm):
    """The rules of the automatic top-up."""

    params = {
        "threshold_nano_usd": "threshold",
        "amount_nano_usd": "amount",
        "monthly_cap_nano_usd": "monthly_cap",
        "payment_method": "card",
    }
    threshold = UsdField(label="When less can be spent than")
    amount = UsdField(label="Pay in")
    monthly_cap = UsdField(label="At most in a month", help_text="Per calendar month (UTC), without tax.")
    card = forms.ChoiceField(label="With the card")

    def __init__(self, *args: Any, cards: list[tuple[str, str]], **options: Any) -> None:
        """Offer these saved cards, as (id, label)."""
        super().__init__(*args, **options)
        self.fields["card"].choices = cards  # type: ignore[attr-defined]


class ProfileForm(MoneyForm):
    """Whom invoices are made out to."""

    params = {"address_lines": "address"}
    legal_name = forms.CharField(
        label="Name", max_length=128, help_text="Of the company or person, as invoices state it."
    )
    address = forms.CharField(
        label="Address",
        max_length=800,
        widget=forms.Textarea(attrs={"rows": 4, "autocomplete": "street-address"}),
        help_text="Up to six lines: street, postal code and city.",
    )
    country = forms.ChoiceField(label="Country", choices=COUNTRY_CHOICES)
    vat_id = forms.CharField(
        label="VAT id",
        max_length=32,
        required=False,
        help_text="Only for businesses; such as DE123456789. Within the EU it moves the tax to you.",
    )
    email = forms.EmailField(label="E-mail for invoices", max_length=254)

    def clean_address(self) -> list[str]:
        """Return the lines that have something on them."""
        lines = [line.strip() for line in self.cleaned_data["address"].splitlines() if line.strip()]
        if not 1 <= len(lines) <= 6 or any(len(line) > 128 for line in lines):
            raise forms.ValidationError("One to six lines, of at most 128 letters each.")
        return lines


class BudgetForm(MoneyForm):
    """The most that jobs may cost in a window."""

    params = {"limit_nano_usd": "limit"}
    limit = UsdField(label="Jobs may cost at most")
    window = forms.ChoiceField(label="In each", choices=[("day", "day (UTC)"), ("month", "month (UTC)")])
    key_id = forms.ChoiceField(label="Of", required=False)

    def __init__(self, *args: Any, keys: list[tuple[str, str]], **options: Any) -> None:
        """Offer these API keys, as (id, name)."""
        super().__init__(*args, **options)
        named = [(key, f"the API key “{name}”") for key, name in keys]
        self.fields["key_id"].choices = [("", "all jobs"), *named]  # type: ignore[attr-defined]
        self.order_fields(["key_id", "window", "limit"])


class CodeForm(MoneyForm):
    """A fresh code of the authenticator."""

    code = forms.CharField(
        label="Code of your authenticator",
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
        ),
        error_messages={"required": "Enter the six digits that your authenticator shows."},
    )

    def refuse(self, error: CuxError) -> None:
        """Show what is wrong with a code beside it."""
        if error.code is Code.RATE_LIMITED:
            self.add_error("code", _CLOSED)
        elif error.code.name.startswith("SECOND_FACTOR"):
            self.add_error("code", error.message)
        else:
            super().refuse(error)


class ForgetForm(MoneyForm):
    """The organisation's name, as the word that everything said and answered is to be erased."""

    confirm = forms.CharField(
        label="Your organisation's name",
        max_length=120,
        error_messages={"required": "Spell your organisation's name."},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class WebhookForm(MoneyForm):
    """Where to tell of which events."""

    url = forms.URLField(
        label="Address", max_length=500, assume_scheme="https", help_text="A public https address of yours."
    )
    types = forms.MultipleChoiceField(
        label="Events",
        required=False,
        choices=[(name, f"{name}: {said}") for name, said in TYPES.items()],
        widget=forms.CheckboxSelectMultiple,
    )


class PayeeForm(OnceForm, CodeForm):
    """Whom to pay: where they are; the rest is said on the payment service's page."""

    country = forms.ChoiceField(label="Country of your bank", choices=COUNTRY_CHOICES)


class PayoutForm(OnceForm, CodeForm):
    """How much to pay out now."""

    params = {"amount_nano_usd": "amount"}
    amount = UsdField(label="Amount", required=False, help_text="All that is payable, if left empty.")

    def __init__(self, *args: Any, **options: Any) -> None:
        """Have ids of its own: it stands beside the other form."""
        super().__init__(*args, auto_id="payout_%s", **options)
