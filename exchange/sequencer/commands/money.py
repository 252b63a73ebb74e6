"""Money on its way into a trading wallet and out of it."""

import hashlib
from typing import Any

from billing.ledger.chart import AccountRef, Kind, of_house, of_organisation
from billing.ledger.posting import JournalEntry, Leg
from core.errors import Code, CuxError
from core.money import BIGINT_MAX
from exchange.sequencer import protocol as p
from exchange.sequencer import rules
from exchange.sequencer.commands.decider import Decider
from exchange.sequencer.views import wallet_view


def fund(decider: Decider, command: p.Fund) -> dict[str, Any]:
    """Take money from transit into the wallet."""
    rules.check_amount(command.amount_nano_usd, "amount_nano_usd")
    wallet = decider.state.wallets[command.organisation_id]
    if wallet.posted + command.amount_nano_usd > BIGINT_MAX:
        raise CuxError(Code.NUMBER_TOO_LARGE, param="amount_nano_usd")
    transit = of_house(Kind.TRANSIT)
    _move(decider, command, transit, of_organisation(Kind.WALLET, command.organisation_id))
    wallet.posted += command.amount_nano_usd
    return wallet_view(wallet)


def defund(decider: Decider, command: p.Defund) -> dict[str, Any]:
    """Give money from the wallet back to funding, unless somebody is at work there.

    Then it is not decided (SEQUENCER_BUSY): one account's long transaction must not keep all others waiting.
    """
    rules.check_amount(command.amount_nano_usd, "amount_nano_usd")
    wallet = decider.state.wallets[command.organisation_id]
    wallet.require(command.amount_nano_usd)
    funding = of_organisation(Kind.FUNDING, command.organisation_id)
    if not decider.reader.take_balance(funding.id):
        raise CuxError(Code.SEQUENCER_BUSY)
    _move(decider, command, of_organisation(Kind.WALLET, command.organisation_id), funding)
    wallet.posted -= command.amount_nano_usd
    return wallet_view(wallet)


def _move(decider: Decider, command: p.Fund | p.Defund, debit: AccountRef, credit: AccountRef) -> None:
    kind = p.kind_of(command)
    decider.changes.entries.append(
        JournalEntry(
            key=f"{kind}:{command.organisation_id}:{hashlib.sha256(command.key.encode()).hexdigest()}",
            kind=kind,
            legs=(Leg(debit, credit, command.amount_nano_usd),),
            event_at=decider.changes.now,
            ref=str(command.organisation_id),
        )
    )
    decider.changes.accounts.add(command.organisation_id)
