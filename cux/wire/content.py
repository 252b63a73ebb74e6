"""Prompts and answers that are kept, and having them forgotten."""

from typing import Annotated

import msgspec
from msgspec import Meta

from cux.wire.fields import Count


class ForgetContent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Erase everything that was said and answered; `confirm` is the organisation's name, spelt as it is."""

    confirm: Annotated[str, Meta(min_length=1, max_length=120)]


class ForgottenView(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs had a prompt or an answer that was erased. Their bills and receipts stay."""

    jobs: Count
