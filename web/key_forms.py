"""The form for a new API key: what it may do, until when, from where."""

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms

from accounts.models import ApiKey
from accounts.networks import parse_networks
from accounts.services.api_key_by_owner import GUARDED
from web.money_forms import CodeForm

SCOPES: Final = {
    ApiKey.Scope.READ: "look at orders, balances, statements and documents",
    ApiKey.Scope.TRADE: "place and cancel orders, pay in with saved cards, set budgets",
    ApiKey.Scope.INFER: "run jobs on compute that was bought",
    ApiKey.Scope.PROVIDE: "enrol agents that deliver compute",
    ApiKey.Scope.WITHDRAW: "ask for refunds and payouts, and change where they go",
    ApiKey.Scope.KEYS: "make keys that can do no more than this one, and revoke any",
}
"""What people may have a key do, in their words; operators' keys are not made on the web."""
LIVES: Final = {"30": "30 days", "90": "90 days", "365": "a year", "": "until it is revoked"}
"""How many days a key may live."""
NETWORKS_MAX: Final = 32


class KeyForm(CodeForm):
    """A key to make. A code of the authenticator is asked for where the key could take money out."""

    params = {"expires_at": "days", "allowed_networks": "networks"}
    name = forms.CharField(
        label="Name",
        max_length=80,
        help_text="Which program it is for.",
        error_messages={"required": "Say which program it is for."},
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(name.value, f"{name.value}: {said}") for name, said in SCOPES.items()],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing that it may do."},
    )
    days = forms.ChoiceField(label="It works for", choices=list(LIVES.items()), required=False, initial="90")
    networks = forms.CharField(
        label="From these addresses only",
        required=False,
        max_length=2_000,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"}),
        help_text="An address or network a line, such as 203.0.113.0/24; from anywhere, if left empty.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        """Ask for a code only where `clean` finds that one is needed."""
        super().__init__(*args, **options)
        self.fields["code"].required = False
        self.fields["code"].help_text = "Only for withdraw and keys."

    def clean_networks(self) -> list[str]:
        """Return the lines that have something on them."""
        lines = [line.strip() for line in self.cleaned_data["networks"].splitlines() if line.strip()]
        if len(lines) > NETWORKS_MAX:
            raise forms.ValidationError(f"At most {NETWORKS_MAX} lines.")
        try:
            parse_networks(lines)
        except ValueError as unreadable:
            raise forms.ValidationError(f"{unreadable}.") from unreadable
        return lines

    def clean(self) -> dict[str, Any]:
        """A key that could take money out needs a code."""
        data = super().clean() or {}
        if GUARDED & set(data.get("scopes", ())) and not data.get("code"):
            self.add_error("code", "Enter the six digits that your authenticator shows.")
        return data

    def expires_at(self, now: datetime) -> datetime | None:
        """Return when the checked form has the key end."""
        days = self.cleaned_data["days"]
        return now + timedelta(days=int(days)) if days else None
