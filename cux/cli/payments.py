"""`cux deposit`, `refund`, `payment-methods` and `auto-top-up`: money by card."""

from typing import Annotated

import typer

from cux.cli.figures import moment, nano_usd, usd
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.wire.payments import AutoTopUpView, DepositView, RefundView

deposits = group("Money that you pay in by card.")
refunds = group("Unspent money that goes back to the cards that paid it.")
cards = group("Your saved cards.")
top_ups = group("Paying in by a saved card whenever little is left.")

Key = Annotated[str | None, typer.Option(help="Repeat a command under the same key: it is done once.")]
Card = Annotated[str, typer.Argument(help="A saved card, such as pm_1….")]
_REFUNDS = ["asked (UTC)", "refund", "of", ">from balance", ">fee", ">tax", ">to card", "status"]


@command(deposits, "make", example="cux deposit make 100.00")
def deposit_make(
    session: Session,
    amount: Annotated[str, typer.Argument(help="Dollars, such as 100.00; tax comes on top.")],
    card: Annotated[str | None, typer.Option(help="Charge this saved card; else a page is opened.")] = None,
    return_url: Annotated[str | None, typer.Option(help="Where the page leads in the end.")] = None,
    save_card: Annotated[bool, typer.Option("--save-card", help="Keep the card for later.")] = False,
    idempotency_key: Key = None,
) -> None:
    """Pay in: with a saved card at once, or on the page whose address goes to stdout."""
    made = session.client.deposit_create(
        nano_usd(amount),
        payment_method=card,
        return_url=return_url,
        save_card=save_card,
        idempotency_key=idempotency_key,
    )
    where = made.checkout_url or made.action_url
    session.say(f"{made.deposit_id}: {made.status}" + (", go on here:" if where else ""))
    session.show_line(made, where or made.deposit_id)


@command(deposits, "list", example="cux deposit list")
def deposit_list(
    session: Session,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> None:
    """List deposits by card, newest first."""
    rows = [row for row, _ in zip(session.client.deposit_list(), range(limit), strict=False)]
    columns = ["begun (UTC)", "deposit", "by", ">amount", ">tax", ">refunded", "status"]
    session.show(rows, lambda: grid(None, columns, [_deposit(row) for row in rows]))


@command(deposits, "show", example="cux deposit show dep_0197…")
def deposit_show(
    session: Session, deposit_id: Annotated[str, typer.Argument(help="The deposit, such as dep_0197….")]
) -> None:
    """Show one deposit, and why it failed if it did."""
    row = session.client.deposit_get(deposit_id)
    names = ["begun (UTC)", "deposit", "by", "amount", "tax", "refunded", "status"]
    more = [("reason", row.failure_message)] if row.failure_message else []
    session.show(row, lambda: facts(None, [*zip(names, _deposit(row), strict=True), *more]))


@command(refunds, "preview", example="cux refund preview 20.00")
def refund_preview(
    session: Session,
    amount: Annotated[str | None, typer.Argument(help="Dollars; all that is unspent if absent.")] = None,
) -> None:
    """Show what would reach your cards; the share of the card fee is not given back."""
    plan = session.client.refund_preview(nano_usd(amount) if amount is not None else None)
    columns = ["deposit", "card", ">from balance", ">fee kept", ">tax back", ">to card"]
    rows = [
        [
            part.deposit_id,
            f"{part.card_brand} {part.card_last4}",
            *map(usd, (part.amount_nano_usd, part.fee_nano_usd, part.tax_nano_usd, part.card_nano_usd)),
        ]
        for part in plan.parts
    ]
    session.say(
        f"{usd(plan.card_nano_usd)} would reach your cards; {usd(plan.most_nano_usd)} can be refunded"
    )
    session.show(plan, lambda: grid(None, columns, rows))


@command(refunds, "make", example="cux refund make 20.00")
def refund_make(
    session: Session,
    amount: Annotated[str | None, typer.Argument(help="Dollars; all that is unspent if absent.")] = None,
    idempotency_key: Key = None,
) -> None:
    """Send unspent money back to the cards that paid it, the newest deposits first."""
    wanted = nano_usd(amount) if amount is not None else None
    begun = session.client.refund_create(wanted, idempotency_key=idempotency_key)
    session.show(begun, lambda: grid(None, _REFUNDS, [_refund(row) for row in begun]))


@command(refunds, "list", example="cux refund list")
def refund_list(
    session: Session,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> None:
    """List refunds, newest first."""
    rows = [row for row, _ in zip(session.client.refund_list(), range(limit), strict=False)]
    session.show(rows, lambda: grid(None, _REFUNDS, [_refund(row) for row in rows]))


@command(cards, "list", example="cux payment-methods list")
def card_list(session: Session) -> None:
    """List your saved cards, newest first."""
    rows = session.client.payment_method_list()
    columns = ["card", "brand", "ends in", "until", "default"]
    lines = [
        [
            row.payment_method,
            row.brand,
            row.last4,
            f"{row.exp_month:02d}/{row.exp_year}",
            "yes" if row.is_default else "",
        ]
        for row in rows
    ]
    session.show(rows, lambda: grid(None, columns, lines))


@command(cards, "add", example="cux payment-methods add")
def card_add(
    session: Session,
    return_url: Annotated[str | None, typer.Option(help="Where the page leads in the end.")] = None,
) -> None:
    """Print the address of a page to save a card on."""
    page = session.client.payment_method_setup(return_url=return_url)
    session.show_line(page, page.url)


@command(cards, "default", example="cux payment-methods default pm_1…")
def card_default(session: Session, card: Card) -> None:
    """Have a saved card be the first choice."""
    kept = session.client.payment_method_default(card)
    session.show_line(kept, f"{kept.payment_method} is the first choice")


@command(cards, "forget", example="cux payment-methods forget pm_1…")
def card_forget(session: Session, card: Card) -> None:
    """Forget a saved card for good; top-ups by it end."""
    gone = session.client.payment_method_forget(card)
    session.show_line(gone, f"{gone.payment_method} is forgotten")


@command(top_ups, "show", example="cux auto-top-up show")
def top_up_show(session: Session) -> None:
    """Show the automatic top-up."""
    _show(session, session.client.auto_top_up_get())


@command(top_ups, "set", example="cux auto-top-up set pm_1… --below 10 --amount 50 --cap 200")
def top_up_set(
    session: Session,
    card: Card,
    below: Annotated[str, typer.Option(help="When less than this can be spent; dollars.")],
    amount: Annotated[str, typer.Option(help="What to pay in each time; dollars, tax on top.")],
    cap: Annotated[str, typer.Option(help="The most in a calendar month (UTC); dollars.")],
) -> None:
    """Pay in by a saved card whenever little is left."""
    rules = session.client.auto_top_up_set(
        card,
        threshold_nano_usd=nano_usd(below),
        amount_nano_usd=nano_usd(amount),
        monthly_cap_nano_usd=nano_usd(cap),
    )
    _show(session, rules)


@command(top_ups, "off", example="cux auto-top-up off")
def top_up_off(session: Session) -> None:
    """Switch the automatic top-up off."""
    _show(session, session.client.auto_top_up_end())


def _deposit(row: DepositView) -> list[str]:
    by = f"{row.card_brand} {row.card_last4}" if row.card_last4 else row.method
    amounts = map(usd, (row.amount_nano_usd, row.tax_nano_usd, row.refunded_nano_usd))
    return [moment(row.created_at), row.deposit_id, by, *amounts, row.status]


def _refund(row: RefundView) -> list[str]:
    amounts = map(usd, (row.amount_nano_usd, row.fee_nano_usd, row.tax_nano_usd, row.card_nano_usd))
    return [moment(row.created_at), row.refund_id, row.deposit_id, *amounts, row.status]


def _show(session: Session, rules: AutoTopUpView) -> None:
    session.show(
        rules,
        lambda: facts(
            None,
            [
                ("is", "on" if rules.is_on else f"off ({rules.off_reason})"),
                ("below", usd(rules.threshold_nano_usd)),
                ("pays in", usd(rules.amount_nano_usd)),
                ("a month at most", usd(rules.monthly_cap_nano_usd)),
                ("this month", usd(rules.this_month_nano_usd)),
                ("by card", rules.payment_method),
            ],
        ),
    )
