"""`cux order …`: place, cancel, replace and look at orders."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from cux.cli.exits import UsageError
from cux.cli.explain import as_curl
from cux.cli.figures import PPM, average_usd, cost_nano_usd, moment, usd, usd_per_cu
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.cli.terms import takes_terms
from cux.client.call import Call
from cux.client.calls import account
from cux.client.calls.account import OrderTerms
from cux.client.views import Order
from cux.wire import orders as wire
from cux.wire.batches import PreviewView

app = group("Your orders. Prices are ticks, quantities lots; `cux market list` shows what they are worth.")


OrderId = Annotated[str, typer.Argument(help="The order, such as ord_0197….")]
Lots = Annotated[int, typer.Option("--lots", min=1, help="How many lots.")]
Key = Annotated[
    str | None,
    typer.Option("--idempotency-key", help="Repeat a command under the same key: it is done once."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show cost and request; send nothing.")]


Side = Annotated[wire.Side, typer.Argument(help="buy or sell.")]
Instrument = Annotated[str, typer.Argument(help="What to trade.")]


@command(app, "place", example="cux order place buy smollm2-135m.cpu-spot --lots 5 --price 2000 --tif IOC")
@takes_terms
def order_place(
    session: Session,
    terms: OrderTerms,
    side: Side,
    instrument: Instrument,
    idempotency_key: Key = None,
    dry_run: DryRun = False,
) -> None:
    """Place an order and show it as it stands after matching."""
    with _orderly():
        call = account.order_place(instrument, side, idempotency_key=idempotency_key, **terms)
    if dry_run:
        _estimate(session, call, instrument, terms["price_ticks"], terms["quantity_lots"])
    else:
        _show(session, session.client.send(call))


@command(app, "preview", example="cux order preview buy smollm2-135m.cpu-spot --lots 5 --price 2000")
@takes_terms
def order_preview(session: Session, terms: OrderTerms, side: Side, instrument: Instrument) -> None:
    """Show what an order would come to if it were placed now; nothing is placed."""
    with _orderly():
        call = account.order_preview(instrument, side, **terms)
    seen = session.client.send(call)
    session.show(seen, lambda: _preview(session, seen))


@command(app, "replace", example="cux order replace ord_0197… --price 1990 --lots 5")
def order_replace(
    session: Session,
    order_id: OrderId,
    price: Annotated[int, typer.Option("--price", help="The new limit, in ticks per lot.")],
    lots: Lots,
    idempotency_key: Key = None,
    dry_run: DryRun = False,
) -> None:
    """Give an open order another price and another open quantity."""
    call = account.order_replace(
        order_id, price_ticks=price, quantity_lots=lots, idempotency_key=idempotency_key
    )
    if dry_run:
        _estimate(session, call, session.client.order_get(order_id).instrument, price, lots)
    else:
        _show(session, session.client.send(call))


@command(app, "cancel", example="cux order cancel ord_0197…")
def order_cancel(
    session: Session, order_id: OrderId, idempotency_key: Key = None, dry_run: DryRun = False
) -> None:
    """Cancel an open order."""
    call = account.order_cancel(order_id, idempotency_key=idempotency_key)
    if dry_run:
        show_request(session, call, [])
    else:
        _show(session, session.client.send(call))


@command(app, "cancel-all", example="cux order cancel-all --instrument smollm2-135m.cpu-spot --yes")
def order_cancel_all(
    session: Session,
    instrument: Annotated[str | None, typer.Option(help="Only orders of this instrument.")] = None,
    side: Annotated[wire.Side | None, typer.Option(help="Only orders of this side.")] = None,
    prefix: Annotated[str | None, typer.Option(help="Only those whose client_order_id begins so.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    idempotency_key: Key = None,
    dry_run: DryRun = False,
) -> None:
    """Cancel all open orders, or those that fit."""
    call = account.order_cancel_all(
        instrument=instrument, side=side, client_order_id_prefix=prefix, idempotency_key=idempotency_key
    )
    if dry_run:
        show_request(session, call, [])
        return
    if not yes:
        which = ", ".join(filter(None, [instrument, side, prefix and f"{prefix}…"])) or "every instrument"
        typer.confirm(f"Cancel all open orders of {which}?", abort=True, err=True)
    done = session.client.send(call)
    session.show(done, lambda: grid(None, ["cancelled order"], [[order_id] for order_id in done.canceled]))
    session.say(f"{len(done.canceled)} cancelled")


@command(app, "list", example="cux order list --open")
def order_list(
    session: Session,
    instrument: Annotated[str | None, typer.Option(help="Only orders of this instrument.")] = None,
    open_only: Annotated[bool, typer.Option("--open", help="Only open orders.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
) -> None:
    """List your orders."""
    found = session.client.order_list(instrument=instrument, open_only=open_only, page_size=min(limit, 200))
    rows = list(islice(found, limit))
    columns = [
        "created (UTC)",
        "order",
        "instrument",
        "side",
        "status",
        ">ticks",
        ">USD per CU",
        ">open / lots",
    ]
    session.show(rows, lambda: grid(None, columns, [_row(row) for row in rows]))


@command(app, "show", example="cux order show ord_0197…")
def order_show(session: Session, order_id: OrderId) -> None:
    """Show one order with its trades."""
    _show(session, session.client.order_get(order_id))


@command(app, "find", example="cux order find my-order-7")
def order_find(
    session: Session, client_order_id: Annotated[str, typer.Argument(help="The handle you gave it.")]
) -> None:
    """Show the order of this handle of your own: what became of a try that nobody answered."""
    _show(session, session.client.order_find(client_order_id))


@contextmanager
def _orderly() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise UsageError(f"{error}; see --lots, --budget, --price and --type") from error


def _row(row: Order) -> list[str]:
    return [
        moment(row.created_at),
        row.order_id,
        row.instrument,
        row.side,
        row.status,
        "market" if row.price_ticks is None else f"{row.price_ticks:,}",
        f"${row.usd_per_cu}" if row.usd_per_cu else "–",
        f"{row.leaves_lots:,} / {row.quantity_lots:,}",
    ]


def _show(session: Session, order: Order) -> None:
    session.show(order, lambda: _details(session, order))


def _details(session: Session, order: wire.OrderView) -> Table:
    pairs = [
        ("order", order.order_id),
        ("status", f"{order.status} ({order.reason})" if order.reason else order.status),
        ("what", f"{order.side} {_size(order)} of {order.instrument} ({order.type}, {order.tif})"),
        ("limit", _price(session, order)),
        ("traded", _traded(order)),
        ("open", f"{order.leaves_lots:,} lots, {usd(order.held_nano_usd)} held"),
        ("created", f"{moment(order.created_at)} UTC"),
    ]
    if order.expires_at is not None:
        pairs.append(("expires", f"{moment(order.expires_at)} UTC"))
    if order.client_order_id is not None:
        pairs.insert(1, ("client_order_id", order.client_order_id))
    for trade in order.trades:
        fee = f", fee {usd(trade.fee_nano_usd)}" if trade.fee_nano_usd is not None else ""
        said = f"{trade.quantity_lots:,} lots at {trade.price_ticks:,} ticks as {trade.role}{fee}"
        pairs.append((f"trade {trade.seq}", said))
    return facts(None, pairs)


def _size(order: wire.OrderView) -> str:
    if order.budget_nano_usd is not None:
        return f"for {usd(order.budget_nano_usd)}"
    shown = f", {order.display_lots:,} shown" if order.display_lots else ""
    return f"{order.quantity_lots:,} lots{shown}"


def _preview(session: Session, seen: PreviewView) -> Table:
    pairs = [
        ("what", f"{seen.side} {_size(seen)} of {seen.instrument} ({seen.type}, {seen.tif})"),
        ("limit", _price(session, seen)),
        ("would trade", _traded(seen)),
        ("would rest", f"{seen.leaves_lots:,} lots ({seen.status})"),
        ("cost", f"{usd(seen.cost_nano_usd)}, fee {usd(seen.fee_nano_usd)}"),
        ("needed", f"{usd(seen.worst_case_nano_usd)} available"),
        ("if not delivered", f"at most {usd(seen.refund_nano_usd)} comes back"),
    ]
    return facts("nothing was placed", pairs)


def _traded(order: wire.OrderView) -> str:
    average = f", {average_usd(order)} per lot on average" if order.cumulative_lots else ""
    return f"{order.cumulative_lots:,} lots{average}"


def _price(session: Session, order: wire.OrderView) -> str:
    if order.price_ticks is None:
        return "market"
    terms = session.instrument(order.instrument)
    human = f" ({usd_per_cu(terms, order.price_ticks)} per CU)" if terms else ""
    return f"{order.price_ticks:,} ticks{human}"


def _estimate(
    session: Session, call: Call[Order], instrument: str, price: int | None, lots: int | None
) -> None:
    """Say what an order would cost at its limit: it may trade for less, never for more."""
    terms = session.client.instrument_get(instrument)
    if price is None or lots is None:
        show_request(session, call, ["cost: whatever the book asks; cux order preview says what that is now"])
        return
    amount = cost_nano_usd(terms, price, lots)
    fee = amount * terms.taker_fee_ppm // PPM
    said = f"{lots:,} lots at {price:,} ticks ({usd_per_cu(terms, price)} per CU): {usd(amount)}"
    show_request(session, call, [said, f"fee if it trades at once: about {usd(fee)}"])


def show_request(session: Session, call: Call[Any], prose: list[str]) -> None:
    """Print a request that is not sent, as JSON or as a curl command, and on stderr what is said about it."""
    request = session.client.prepare(call)
    if session.as_json:
        shown = {"method": request.method, "url": str(request.url), "idempotency_key": call.idempotency_key}
        body = msgspec.Raw(call.body) if call.body is not None else None
        session.line(msgspec.json.encode(shown | {"body": body}))
        return
    for line in [*prose, "dry run: nothing was sent"]:
        session.say(line)
    session.line(as_curl(request))
