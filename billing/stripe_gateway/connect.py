"""Connected accounts (Express), their onboarding, and transfers to them."""

from collections.abc import Mapping
from dataclasses import dataclass

from billing.stripe_gateway.client import options, v1
from billing.stripe_gateway.failures import asking
from billing.stripe_gateway.fields import Fields, given, id_of, metadata_of


@dataclass(frozen=True, slots=True)
class ConnectAccount:
    """A provider's account at Stripe. `requirements` are what Stripe still wants to know, now or overdue.

    `bank_fingerprint` is the same for the same bank account, whoever has it; empty if there is none.
    """

    id: str
    country: str
    payouts_enabled: bool
    details_submitted: bool
    transfers_active: bool
    requirements: tuple[str, ...]
    disabled_reason: str
    bank_fingerprint: str
    bank_last4: str
    address: Mapping[str, str]
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money from our balance to a connected account's."""

    id: str
    amount_cents: int
    reversed_cents: int
    currency: str
    destination_id: str | None
    group: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TransferReversal:
    """A part of a transfer that came back."""

    id: str
    amount_cents: int
    transfer_id: str | None


def account_create(
    *, key: str, country: str, email: str | None, metadata: Mapping[str, str]
) -> ConnectAccount:
    """Make an Express account that we send money to and that we pay out by hand. Raises as `asking`."""
    params = given(
        type="express",
        country=country,
        email=email,
        capabilities={"transfers": {"requested": True}},
        settings={"payouts": {"schedule": {"interval": "manual"}}},
        metadata=dict(metadata),
    )
    return _account(asking(lambda: v1().accounts.create(params, options(key))).to_dict())


def account_get(account_id: str) -> ConnectAccount:
    """Return a connected account as it is now. Raises as `asking`."""
    return _account(asking(lambda: v1().accounts.retrieve(account_id)).to_dict())


def account_link_create(account_id: str, *, key: str, return_url: str, refresh_url: str) -> str:
    """Return the address, usable once, at which the account's owner tells Stripe about themselves."""
    params = {
        "account": account_id,
        "type": "account_onboarding",
        "return_url": return_url,
        "refresh_url": refresh_url,
    }
    return str(asking(lambda: v1().account_links.create(params, options(key))).url)


def transfer_create(
    *, key: str, destination_id: str, amount_cents: int, group: str, metadata: Mapping[str, str]
) -> Transfer:
    """Send money from our balance to a connected account. Raises as `asking`."""
    params = {
        "amount": amount_cents,
        "currency": "usd",
        "destination": destination_id,
        "transfer_group": group,
        "metadata": dict(metadata),
    }
    return _transfer(asking(lambda: v1().transfers.create(params, options(key))).to_dict())


def transfer_get(transfer_id: str) -> Transfer:
    """Return a transfer as it is now. Raises as `asking`."""
    return _transfer(asking(lambda: v1().transfers.retrieve(transfer_id)).to_dict())


def transfers_of_group(group: str) -> list[Transfer]:
    """Return the transfers of a group, newest first: to find one whose making was not answered."""
    found = asking(lambda: v1().transfers.list({"transfer_group": group, "limit": 100})).to_dict()
    return [_transfer(fields) for fields in found["data"]]


def transfer_reverse(
    transfer_id: str, *, key: str, amount_cents: int, metadata: Mapping[str, str]
) -> TransferReversal:
    """Take a part of a transfer back from the connected account's balance. Raises as `asking`."""
    params = {"amount": amount_cents, "metadata": dict(metadata)}
    return _reversal(
        asking(lambda: v1().transfers.reversals.create(transfer_id, params, options(key))).to_dict()
    )


def reversals_of_transfer(transfer_id: str) -> list[TransferReversal]:
    """Return what came back of a transfer, newest first. Raises as `asking`."""
    found = asking(lambda: v1().transfers.reversals.list(transfer_id, {"limit": 100})).to_dict()
    return [_reversal(fields) for fields in found["data"]]


def transfer_of_reversal(movement_id: str) -> str | None:
    """Return the transfer that a reversal took back, by the movement that it made. Raises as `asking`."""
    params = {"expand": ["source"]}
    found = asking(lambda: v1().balance_transactions.retrieve(movement_id, params)).to_dict()
    return id_of((found.get("source") or {}).get("transfer"))


def _account(fields: Fields) -> ConnectAccount:
    needs = fields.get("requirements") or {}
    banks = (fields.get("external_accounts") or {}).get("data") or [{}]
    # Stripe shows platforms no person's address of an Express account; its public one it does.
    profile = fields.get("business_profile") or {}
    person = fields.get("individual") or fields.get("company") or {}
    address = person.get("address") or profile.get("support_address") or {}
    return ConnectAccount(
        id=fields["id"],
        country=fields.get("country") or "",
        payouts_enabled=bool(fields.get("payouts_enabled")),
        details_submitted=bool(fields.get("details_submitted")),
        transfers_active=(fields.get("capabilities") or {}).get("transfers") == "active",
        requirements=tuple(needs.get("currently_due") or ()) + tuple(needs.get("past_due") or ()),
        disabled_reason=needs.get("disabled_reason") or "",
        bank_fingerprint=banks[0].get("fingerprint") or "",
        bank_last4=banks[0].get("last4") or "",
        address={name: text for name, text in address.items() if text},
        metadata=metadata_of(fields),
    )


def _reversal(fields: Fields) -> TransferReversal:
    return TransferReversal(fields["id"], fields["amount"], id_of(fields.get("transfer")))


def _transfer(fields: Fields) -> Transfer:
    return Transfer(
        id=fields["id"],
        amount_cents=fields["amount"],
        reversed_cents=fields.get("amount_reversed") or 0,
        currency=fields["currency"],
        destination_id=id_of(fields.get("destination")),
        group=fields.get("transfer_group") or "",
        metadata=metadata_of(fields),
    )
