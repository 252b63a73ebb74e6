"""`cux payee`, `cux payout` and `cux disputes`: what you are paid, and what cardholders took back."""

from typing import Annotated

import typer

from cux.cli.figures import moment, nano_usd, usd
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.wire.payouts import PayeeView, PayoutView

payees = group("To whom your earnings are paid out.")
payouts = group("What is paid out to you.")
_PAYOUTS = ["decided (UTC)", "payout", "of day", ">amount", "status", "arrives (UTC)"]
Code = Annotated[str | None, typer.Option(help="A fresh code of an owner's authenticator.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many.")]


def register(app: typer.Typer) -> None:
    """Add `disputes` to the root."""
    command(app, "disputes", example="cux disputes")(dispute_list)


@command(payees, "show", example="cux payee show")
def payee_show(session: Session) -> None:
    """Show who is paid, what can be paid out now, and when what is held back can be."""
    row = session.client.payee_get()
    session.show(row, lambda: facts(None, _payee(row)))


@command(payees, "setup", example="cux payee setup --code 123456")
def payee_setup(
    session: Session,
    code: Code = None,
    country: Annotated[str, typer.Option(help="Where you are, ISO 3166-1; kept from the first time.")] = "US",
    return_url: Annotated[str | None, typer.Option(help="Where the page leads in the end.")] = None,
) -> None:
    """Say who is paid and to which bank, or change it, on the page whose address goes to stdout."""
    made = session.client.payee_onboard(code=code, country=country, return_url=return_url)
    session.say(f"{made.status}; go on here within a few minutes:")
    session.show_line(made, made.onboarding_url)


@command(payouts, "make", example="cux payout make 100.00 --code 123456")
def payout_make(
    session: Session,
    amount: Annotated[str | None, typer.Argument(help="Dollars; all that is payable if absent.")] = None,
    code: Code = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Repeat a command under the same key: it is done once.")
    ] = None,
) -> None:
    """Pay out now, instead of at the day's hour."""
    wanted = nano_usd(amount) if amount is not None else None
    row = session.client.payout_create(wanted, code=code, idempotency_key=idempotency_key)
    session.show(row, lambda: facts(None, _payout_facts(row)))


@command(payouts, "list", example="cux payout list")
def payout_list(session: Session, limit: Limit = 50) -> None:
    """List payouts, newest first."""
    rows = [row for row, _ in zip(session.client.payout_list(), range(limit), strict=False)]
    session.show(rows, lambda: grid(None, _PAYOUTS, [_payout(row) for row in rows]))


@command(payouts, "show", example="cux payout show pyo_0197…")
def payout_show(
    session: Session, payout_id: Annotated[str, typer.Argument(help="The payout, such as pyo_0197….")]
) -> None:
    """Show one payout, and why it waits or failed if it does."""
    row = session.client.payout_get(payout_id)
    session.show(row, lambda: facts(None, _payout_facts(row)))


def dispute_list(session: Session, limit: Limit = 50) -> None:
    """List the disputes of your payments by card, newest first."""
    rows = [row for row, _ in zip(session.client.dispute_list(), range(limit), strict=False)]
    columns = ["opened (UTC)", "dispute", "of", "reason", ">taken", ">fee", ">given back", "status"]
    lines = [
        [
            moment(row.opened_at),
            row.dispute_id,
            row.deposit_id,
            row.reason,
            *map(usd, (row.withdrawn_nano_usd, row.fee_nano_usd, row.reinstated_nano_usd)),
            row.status,
        ]
        for row in rows
    ]
    session.show(rows, lambda: grid(None, columns, lines))


def _payee(row: PayeeView) -> list[tuple[str, str]]:
    found = [
        ("status", row.status),
        ("bank account", f"…{row.bank_last4}" if row.bank_last4 else "–"),
        ("can be paid out", usd(row.payable_nano_usd)),
        ("set aside for cards at risk", usd(row.at_risk_nano_usd)),
        ("least that is paid out", usd(row.least_nano_usd)),
        ("next payout (UTC)", moment(row.next_payout_at)),
    ]
    found += [(f"held back until {day.matures_on}", usd(day.amount_nano_usd)) for day in row.held_back]
    if row.debt_nano_usd:
        found.append(("owed for disputes", usd(row.debt_nano_usd)))
    return found + [("still to be told", need) for need in row.requirements]


def _payout(row: PayoutView) -> list[str]:
    arrives = moment(row.arrives_at) if row.arrives_at else "–"
    return [
        moment(row.created_at),
        row.payout_id,
        row.day or "on demand",
        usd(row.amount_nano_usd),
        row.status,
        arrives,
    ]


def _payout_facts(row: PayoutView) -> list[tuple[str, str]]:
    names = [name.lstrip(">") for name in _PAYOUTS]
    found = list(zip(names, _payout(row), strict=True))
    reasons = (row.block_reason, row.waiting_for, row.failure_message or row.failure_code)
    return found + [("because of", reason) for reason in reasons if reason]
