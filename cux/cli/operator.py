"""`cux operator …`: what operators of the exchange may do, with a key of the house alone."""

from itertools import islice
from typing import Annotated

import typer

from cux.cli.figures import moment, usd
from cux.cli.order import Key
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.wire.operators import BustView, StartedKind
from cux.wire.orders import Phase

app = group("Operating the exchange: kill switches, phases, limits, busts. The scope `operate` is needed.")

Symbol = Annotated[str, typer.Argument(help="The instrument.")]
TradeId = Annotated[str, typer.Argument(help="The trade, such as trd_0197….")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
_THEN: dict[StartedKind, Phase] = {
    "open": "continuous",
    "reopen": "continuous",
    "close": "closed",
    "scheduled": "continuous",
}


@command(app, "kill", example="cux operator kill smollm2-135m.cpu-spot --yes")
def operator_kill(
    session: Session, instrument: Symbol, yes: Yes = False, idempotency_key: Key = None
) -> None:
    """Stop an instrument: cancel every open order on it and halt it."""
    if not yes:
        typer.confirm(f"Cancel every order on {instrument} and halt it?", abort=True, err=True)
    done = session.client.instrument_kill(instrument, idempotency_key=idempotency_key)
    session.show_line(done, f"{done.instrument} is {done.phase}; {done.canceled:,} orders cancelled")


@command(app, "phase", example="cux operator phase smollm2-135m.cpu-spot continuous")
def operator_phase(
    session: Session,
    instrument: Symbol,
    phase: Annotated[Phase, typer.Argument(help="The phase from now on.")],
    idempotency_key: Key = None,
) -> None:
    """Change the trading phase of an instrument; a crossed book cannot go to continuous."""
    done = session.client.phase_set(instrument, phase, idempotency_key=idempotency_key)
    session.show_line(done, f"{done.instrument} is {done.phase}")


@command(app, "auction", example="cux operator auction smollm2-135m.cpu-spot reopen")
def operator_auction(
    session: Session,
    instrument: Symbol,
    kind: Annotated[StartedKind, typer.Argument(help="What it is for.")],
    input_s: Annotated[int, typer.Option("--input", help="Seconds in which orders come and go.")] = 60,
    no_cancel_s: Annotated[int, typer.Option("--no-cancel", help="Seconds in which they only improve.")] = 20,
    random_close_s: Annotated[
        int, typer.Option("--random-close", help="Seconds at most until it ends.")
    ] = 10,
    then: Annotated[Phase | None, typer.Option(help="Another phase after it than usual.")] = None,
    idempotency_key: Key = None,
) -> None:
    """Hold a call auction now: to open, reopen or close an instrument, or one more as by schedule."""
    started = session.client.auction_start(
        instrument,
        kind,
        then_phase=then or _THEN[kind],
        input_s=input_s,
        no_cancel_s=no_cancel_s,
        random_close_s=random_close_s,
        idempotency_key=idempotency_key,
    )
    session.show_line(started, f"{started.auction_id} closes by {moment(started.closes_by)} UTC")


@command(app, "account", example='cux operator account org_0197… --block --reason "runaway"')
def operator_account(
    session: Session,
    organisation_id: Annotated[str, typer.Argument(help="The organisation, such as org_0197….")],
    block: Annotated[bool, typer.Option("--block/--admit", help="Whether it may trade.")],
    reason: Annotated[str, typer.Option(help="Why it may not.")] = "",
    tier: Annotated[str, typer.Option(help="Its tier of fees.")] = "",
    max_open_orders: Annotated[
        int | None, typer.Option(help="Of its own, instead of the instruments'.")
    ] = None,
    max_notional_nano_usd: Annotated[int | None, typer.Option(help="The most an order may be worth.")] = None,
    idempotency_key: Key = None,
) -> None:
    """Set what an account may do, all of it anew. Blocking it cancels its open orders."""
    done = session.client.account_set(
        organisation_id,
        is_blocked=block,
        reason=reason,
        fee_tier=tier,
        max_open_orders=max_open_orders,
        max_notional_nano_usd=max_notional_nano_usd,
        idempotency_key=idempotency_key,
    )
    worth = done.max_notional_nano_usd
    pairs = [
        ("account", done.organisation_id),
        ("may trade", f"no: {done.reason}" if done.is_blocked else "yes"),
        ("fee tier", done.fee_tier or "the instruments' own"),
        (
            "open orders",
            "the instruments' limit" if done.max_open_orders is None else f"{done.max_open_orders:,}",
        ),
        ("worth of an order", "the instruments' limit" if worth is None else usd(worth)),
        ("cancelled", f"{len(done.canceled):,} orders"),
    ]
    session.show(done, lambda: facts(None, pairs))


@command(app, "tier", example="cux operator tier smollm2-135m.cpu-spot gold --maker 0 --taker 5000")
def operator_tier(
    session: Session,
    instrument: Symbol,
    tier: Annotated[str, typer.Argument(help="The tier's name.")],
    maker: Annotated[int, typer.Option(help="Maker's fee in parts per million.")],
    taker: Annotated[int, typer.Option(help="Taker's fee in parts per million.")],
    idempotency_key: Key = None,
) -> None:
    """Set the fees of a tier on an instrument, for orders placed from now on."""
    done = session.client.fee_tier_set(
        instrument, tier, maker_fee_ppm=maker, taker_fee_ppm=taker, idempotency_key=idempotency_key
    )
    fees = f"{done.maker_fee_ppm:,} ppm maker, {done.taker_fee_ppm:,} ppm taker"
    session.show_line(done, f"{done.tier} on {done.instrument}: {fees}")


@command(app, "busts", example="cux operator busts")
def operator_busts(session: Session) -> None:
    """List the latest busts, asked for or done."""
    _busts(session, session.client.bust_list())


@command(app, "bust", example='cux operator bust trd_0197… --reason "typing error"')
def operator_bust(
    session: Session, trade_id: TradeId, reason: Annotated[str, typer.Option(help="Why, for the record.")]
) -> None:
    """Ask for a trade to be undone; another operator has to approve it."""
    _busts(session, [session.client.bust_request(trade_id, reason)])


@command(app, "approve", example="cux operator approve trd_0197…")
def operator_approve(session: Session, trade_id: TradeId) -> None:
    """Undo a trade for which another operator asked."""
    _busts(session, [session.client.bust_approve(trade_id)])


def _busts(session: Session, rows: list[BustView]) -> None:
    columns = ["asked (UTC)", "trade", "instrument", ">ticks", ">lots", "reason", "done (UTC)"]
    session.show(
        rows,
        lambda: grid(
            None,
            columns,
            [
                [
                    moment(row.requested_at),
                    row.trade_id,
                    row.instrument,
                    f"{row.price_ticks:,}",
                    f"{row.quantity_lots:,}",
                    row.reason,
                    moment(row.busted_at) if row.busted_at else "waits for another operator",
                ]
                for row in rows
            ],
        ),
    )


@command(app, "audit", example="cux operator audit --action payout.decided")
def operator_audit(
    session: Session,
    action: Annotated[str | None, typer.Option(help="Only this action.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 50,
) -> None:
    """List who did what that matters, newest first."""
    rows = list(islice(session.client.audit_list(action=action, page_size=min(limit, 200)), limit))
    columns = ["at (UTC)", "actor", "action", "subject"]
    cells = [[moment(row.at), row.actor, row.action, row.subject] for row in rows]
    session.show(rows, lambda: grid(None, columns, cells))


@command(app, "surveillance", example="cux operator surveillance --start 2026-11-22T00:00:00Z")
def operator_surveillance(
    session: Session,
    start: Annotated[str | None, typer.Option(help="From when (RFC 3339); a day before the end.")] = None,
    end: Annotated[str | None, typer.Option(help="Until when; now if absent.")] = None,
) -> None:
    """List the conduct of a period that somebody should look at."""
    rows = session.client.surveillance(start=start, end=end)
    columns = ["kind", "instrument", "accounts", "figures"]
    session.show(
        rows,
        lambda: grid(
            None,
            columns,
            [
                [
                    row.kind,
                    row.instrument or "all",
                    ", ".join(row.accounts),
                    ", ".join(f"{name} {value:,}" for name, value in row.figures.items()),
                ]
                for row in rows
            ],
        ),
    )
