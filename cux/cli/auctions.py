"""`cux auctions …` and `cux offers …`: call auctions, and idle capacity offered into each of them."""

from itertools import islice
from typing import Annotated

import typer

from cux.cli.figures import moment
from cux.cli.order import Key
from cux.cli.root import command, group
from cux.cli.session import Session, facts, grid
from cux.wire.batches import StandingOfferView
from cux.wire.market import AuctionView

app = group("Call auctions: those that run, and those that were held. No key is needed.")
offers = group("Idle capacity that you offer into every auction of an instrument until you withdraw it.")

Symbol = Annotated[str, typer.Argument(help="The instrument, such as smollm2-135m.cpu-idle.")]


@command(app, "list", example="cux auctions list --instrument smollm2-135m.cpu-idle")
def auction_list(
    session: Session,
    instrument: Annotated[str | None, typer.Option(help="Only auctions of this instrument.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
) -> None:
    """List call auctions, newest first."""
    rows = list(islice(session.client.auction_list(instrument=instrument, page_size=min(limit, 200)), limit))
    columns = ["started (UTC)", "auction", "instrument", "kind", "state", ">ticks", ">lots", ">surplus"]
    session.show(
        rows,
        lambda: grid(
            None,
            columns,
            [
                [moment(row.started_at), row.auction_id, row.instrument, row.kind, row.state, *_figures(row)]
                for row in rows
            ],
        ),
    )


@command(app, "show", example="cux auctions show auc_0197…")
def auction_show(
    session: Session, auction_id: Annotated[str, typer.Argument(help="The auction, such as auc_0197….")]
) -> None:
    """Show one call auction: what it would do now, or what it did."""
    auction = session.client.auction_get(auction_id)
    session.show(auction, lambda: facts(None, _facts(auction)))


def _figures(auction: AuctionView) -> list[str]:
    now = auction.indicative or auction
    price = "–" if now.price_ticks is None else f"{now.price_ticks:,}"
    return [price, f"{now.volume_lots:,}", f"{now.surplus_lots:+,}"]


def _facts(auction: AuctionView) -> list[tuple[str, str]]:
    price, lots, surplus = _figures(auction)
    tense = "would trade now" if auction.indicative else "traded"
    outcome = f"{lots} lots at {price} ticks; demand less supply {surplus}" if price != "–" else "nothing"
    return [
        ("auction", f"{auction.auction_id}, {auction.kind} on {auction.instrument}"),
        ("state", auction.state),
        (tense, outcome),
        ("reference", f"{auction.reference_ticks:,} ticks"),
        ("started", f"{moment(auction.started_at)} UTC"),
        ("no cancels from", f"{moment(auction.no_cancel_at)} UTC"),
        ("may close from", f"{moment(auction.close_from_at)} UTC"),
        ("ended", f"{moment(auction.ended_at)} UTC" if auction.ended_at else "–"),
        ("then", auction.then_phase),
        (
            "delivers until",
            f"{moment(auction.delivers_until)} UTC" if auction.delivers_until else "its window",
        ),
    ]


@command(offers, "list", example="cux offers list")
def offer_list(session: Session) -> None:
    """List your standing offers."""
    rows = session.client.standing_offer_list()
    _offers(session, rows)


@command(offers, "set", example="cux offers set smollm2-135m.cpu-idle --price 800 --lots 500")
def offer_set(
    session: Session,
    instrument: Symbol,
    price: Annotated[int, typer.Option("--price", help="At least so many ticks per lot.")],
    lots: Annotated[int, typer.Option("--lots", min=1, help="How many lots in each auction.")],
    idempotency_key: Key = None,
) -> None:
    """Offer so much in every auction, in place of what you offered there before."""
    offer = session.client.standing_offer_set(
        instrument, price_ticks=price, quantity_lots=lots, idempotency_key=idempotency_key
    )
    _offers(session, [offer])


@command(offers, "withdraw", example="cux offers withdraw sto_0197…")
def offer_withdraw(
    session: Session,
    standing_offer_id: Annotated[str, typer.Argument(help="The offer, such as sto_0197….")],
    idempotency_key: Key = None,
) -> None:
    """Enter no further auction with an offer; its order in a running one stays."""
    offer = session.client.standing_offer_withdraw(standing_offer_id, idempotency_key=idempotency_key)
    _offers(session, [offer])


def _offers(session: Session, rows: list[StandingOfferView]) -> None:
    columns = ["since (UTC)", "offer", "instrument", ">ticks", ">lots", "withdrawn (UTC)"]
    session.show(
        rows,
        lambda: grid(
            None,
            columns,
            [
                [
                    moment(row.created_at),
                    row.standing_offer_id,
                    row.instrument,
                    f"{row.price_ticks:,}",
                    f"{row.quantity_lots:,}",
                    moment(row.withdrawn_at) if row.withdrawn_at else "–",
                ]
                for row in rows
            ],
        ),
    )
