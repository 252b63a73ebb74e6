"""`cux order …`: place, cancel, replace and look at orders."""

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
from cux.client.call import Call
from cux.client.calls import account
from cux.client.views import Order
from cux.wire import orders as wire

app = group("Your orders. Prices are ticks, quantities lots; `cux market list` shows what they are worth.")


OrderId = Annotated[str, typer.Argument(help="The order, such as ord_0197….")]
Lots = Annotated[int, typer.Option("--lots", min=1, help="How many lots.")]
Key = Annotated[
    str | None,
    typer.Option("--idempotency-key", help="Repeat a command under the same key: it is done once."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show cost and request; send nothing.")]


@command(app, "place", example="cux order place buy smollm2-135m.cpu-spot --lots 5 --price 2000 --tif IOC")
def order_place(
    session: Session,
    side: Annotated[wire.Side, typer.Argument(help="buy or sell.")],
    instrument: Annotated[str, typer.Argument(help="What to trade.")],
    lots: Lots,
    price: Annotated[int | None, typer.Option("--price", help="The limit, in ticks per lot.")] = None,
    type: Annotated[wire.OrderType, typer.Option(help="limit or market.")] = "limit",
    tif: Annotated[
        wire.TimeInForce | None, typer.Option(help="How long it may wait: GTC, or IOC for a market order.")
    ] = None,
    client_order_id: Annotated[str | None, typer.Option(help="A handle of your own, used once.")] = None,
    post_only: Annotated[
        bool, typer.Option("--post-only", help="Only if it does not trade at once.")
    ] = False,
    stp: Annotated[
        wire.SelfTradePrevention, typer.Option(help="Which of two own orders gives way.")
    ] = "cancel_taker",
    idempotency_key: Key = None,
    dry_run: DryRun = False,
) -> None:
    """Place an order and show it as it stands after matching."""
    try:
        call = account.order_place(
            instrument,
            side,
            quantity_lots=lots,
            price_ticks=price,
            type=type,
            tif=_tif(type, tif),
            client_order_id=client_order_id,
            post_only=post_only,
            stp=stp,
            idempotency_key=idempotency_key,
        )
    except ValueError as error:
        raise UsageError(f"{error}; see --price and --type") from error
    if dry_run:
        _preview(session, call, instrument, price, lots)
    else:
        _show(session, session.client.send(call))


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
        _preview(session, call, session.client.order_get(order_id).instrument, price, lots)
    else:
        _show(session, session.client.send(call))


@command(app, "cancel", example="cux order cancel ord_0197…")
def order_cancel(
    session: Session, order_id: OrderId, idempotency_key: Key = None, dry_run: DryRun = False
) -> None:
    """Cancel an open order."""
    call = account.order_cancel(order_id, idempotency_key=idempotency_key)
    if dry_run:
        _request(session, call, [])
    else:
        _show(session, session.client.send(call))


@command(app, "cancel-all", example="cux order cancel-all --instrument smollm2-135m.cpu-spot --yes")
def order_cancel_all(
    session: Session,
    instrument: Annotated[str | None, typer.Option(help="Only orders of this instrument.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    idempotency_key: Key = None,
    dry_run: DryRun = False,
) -> None:
    """Cancel all open orders, of one instrument or of all."""
    call = account.order_cancel_all(instrument=instrument, idempotency_key=idempotency_key)
    if dry_run:
        _request(session, call, [])
        return
    if not yes:
        typer.confirm(f"Cancel all open orders of {instrument or 'every instrument'}?", abort=True, err=True)
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


def _tif(type: wire.OrderType, tif: wire.TimeInForce | None) -> wire.TimeInForce:
    return tif or ("IOC" if type == "market" else "GTC")


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


def _details(session: Session, order: Order) -> Table:
    pairs = [
        ("order", order.order_id),
        ("status", order.status),
        (
            "what",
            f"{order.side} {order.quantity_lots:,} lots of {order.instrument} ({order.type}, {order.tif})",
        ),
        ("limit", _price(session, order)),
        ("traded", _traded(order)),
        ("open", f"{order.leaves_lots:,} lots, {usd(order.held_nano_usd)} held"),
        ("created", f"{moment(order.created_at)} UTC"),
    ]
    if order.client_order_id is not None:
        pairs.insert(1, ("client_order_id", order.client_order_id))
    for trade in order.trades:
        fee = f", fee {usd(trade.fee_nano_usd)}" if trade.fee_nano_usd is not None else ""
        said = f"{trade.quantity_lots:,} lots at {trade.price_ticks:,} ticks as {trade.role}{fee}"
        pairs.append((f"trade {trade.seq}", said))
    return facts(None, pairs)


def _traded(order: Order) -> str:
    average = f", {average_usd(order)} per lot on average" if order.cumulative_lots else ""
    return f"{order.cumulative_lots:,} lots{average}"


def _price(session: Session, order: Order) -> str:
    if order.price_ticks is None:
        return "market"
    terms = session.instrument(order.instrument)
    human = f" ({usd_per_cu(terms, order.price_ticks)} per CU)" if terms else ""
    return f"{order.price_ticks:,} ticks{human}"


def _preview(session: Session, call: Call[Order], instrument: str, price: int | None, lots: int) -> None:
    """Say what an order would cost at its limit: it may trade for less, never for more."""
    terms = session.client.instrument_get(instrument)
    if price is None:
        _request(session, call, ["cost: whatever the book asks; a market order has no limit"])
        return
    amount = cost_nano_usd(terms, price, lots)
    fee = amount * terms.taker_fee_ppm // PPM
    said = f"{lots:,} lots at {price:,} ticks ({usd_per_cu(terms, price)} per CU): {usd(amount)}"
    _request(session, call, [said, f"fee if it trades at once: about {usd(fee)}"])


def _request(session: Session, call: Call[Any], prose: list[str]) -> None:
    request = session.client.prepare(call)
    if session.as_json:
        shown = {"method": request.method, "url": str(request.url), "idempotency_key": call.idempotency_key}
        body = msgspec.Raw(call.body) if call.body is not None else None
        session.line(msgspec.json.encode(shown | {"body": body}))
        return
    for line in [*prose, "dry run: nothing was sent"]:
        session.say(line)
    session.line(as_curl(request))
