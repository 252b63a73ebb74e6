"""What people type, checked and turned into commands."""

import re
import uuid
from typing import Any, Final

from django import forms

from core.errors import CuxError
from core.ids import new_id
from core.money import BIGINT_MAX
from exchange.sequencer.protocol import NewOrder

SIDES: Final = [("buy", "Buy"), ("sell", "Sell")]
TYPES: Final = [("limit", "Limit"), ("market", "Market")]
TIMES_IN_FORCE: Final = [
    ("GTC", "GTC: rests until cancelled"),
    ("DAY", "DAY: rests until midnight UTC"),
    ("IOC", "IOC: now, cancel the rest"),
    ("FOK", "FOK: all now or nothing"),
    ("GFA", "GFA: only in an auction"),
]
_RESTS: Final = ("GTC", "DAY", "GFA")
_KEY: Final = re.compile(r"[0-9a-f]{32}\Z")


def fresh_key() -> str:
    """Return an idempotency key for a form that is about to be shown."""
    return new_id().hex


def is_fresh_key(text: str) -> bool:
    """Tell whether a key is one that `fresh_key` may have made."""
    return _KEY.match(text) is not None


class WholeNumberField(forms.IntegerField):
    """A whole number of something, at least one; digits may be grouped by commas or spaces."""

    widget = forms.TextInput

    def __init__(self, unit: str, **options: Any) -> None:
        """Keep the unit for the messages, and what a form field takes."""
        whole = f"Enter a whole number of {unit}, such as 25."
        messages = {
            "required": f"Enter how many {unit}.",
            "invalid": whole,
            "min_value": whole,
            "max_value": "This number is too large.",
        }
        super().__init__(min_value=1, max_value=BIGINT_MAX, error_messages=messages, **options)

    def to_python(self, value: Any) -> int | None:
        """Return the number, with what groups its digits left out."""
        number: int | None = super().to_python(re.sub(r"[\s,\u202f]", "", str(value or ""))[:40])
        return number


class OrderForm(forms.Form):
    """The order ticket. `key` makes sending it twice harmless."""

    instrument = forms.CharField(max_length=80, widget=forms.HiddenInput)
    key = forms.CharField(widget=forms.HiddenInput)
    side = forms.ChoiceField(choices=SIDES)
    type = forms.ChoiceField(choices=TYPES)
    tif = forms.ChoiceField(choices=TIMES_IN_FORCE)
    quantity_lots = WholeNumberField("lots")
    price_ticks = WholeNumberField("ticks", required=False)
    display_lots = WholeNumberField("lots", required=False)
    post_only = forms.BooleanField(required=False)

    def clean_key(self) -> str:
        """Take only keys we made."""
        key: str = self.cleaned_data["key"]
        if not is_fresh_key(key):
            raise forms.ValidationError("This form is broken: load the page again.")
        return key

    def clean(self) -> dict[str, Any]:
        """A limit order has a price."""
        data = super().clean() or {}
        is_limit = data.get("type") == "limit"
        if is_limit and data.get("price_ticks") is None and "price_ticks" not in self.errors:
            self.add_error("price_ticks", "A limit order needs a price in ticks.")
        if data.get("type") == "market" and data.get("tif") in _RESTS:
            self.add_error("tif", "A market order cannot rest: choose IOC or FOK.")
        return data

    @property
    def general_errors(self) -> list[str]:
        """Return what is wrong and has no field to stand next to."""
        elsewhere = ("instrument", "key", "side", "type")
        return [
            *self.non_field_errors(),
            *(error for name in elsewhere for error in self.errors.get(name, [])),
        ]

    def order(self, organisation_id: uuid.UUID) -> NewOrder:
        """Return the order that the checked form asks for."""
        data = self.cleaned_data
        return NewOrder(
            organisation_id=organisation_id,
            key=f"web:{data['key']}",
            instrument=data["instrument"],
            side=data["side"],
            type=data["type"],
            tif=data["tif"],
            price_ticks=data["price_ticks"] if data["type"] == "limit" else None,
            quantity_lots=data["quantity_lots"],
            display_lots=data["display_lots"],
            post_only=data["post_only"],
        )

    def refuse(self, error: CuxError) -> None:
        """Show a refusal next to the field it names, or above all."""
        self.add_error(error.param if error.param in self.fields else None, error.message)
