"""Recovery from snapshot and tail: it is the replay, it is checked, and what is broken is not used."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from pytest_django.plugin import DjangoDbBlocker

from core.clock import utc_now
from exchange.models import Command, Instrument, Order, Snapshot, Trade
from exchange.sequencer import snapshot
from exchange.sequencer.client import submit_sync
from exchange.sequencer.process import BOOKS_DIFFER
from exchange.sequencer.protocol import CancelAll, SetPhase
from exchange.sequencer.rebuild import rebuild
from exchange.sequencer.recovery import differing, recovered
from exchange.sequencer.replay import decode_effects
from exchange.services.snapshot_take import snapshot_take
from tests import builders
from tests.crash.checks import assert_consistent
from tests.sequencer_market import Market, make_market
from tests.sequencer_process import sequencer, started

WRITTEN_OUT = {"tif": "GTC", "price_ticks": None, "post_only": False, "stp": "cancel_taker"}
"""What commands leave out by now when it has its default."""


@pytest.fixture(scope="module")
def traded(servers: None, django_db_blocker: DjangoDbBlocker) -> tuple[Market, list[Snapshot]]:
    """A market with some history, and the snapshots between; its sequencer has ended."""
    with django_db_blocker.unblock(), sequencer():
        Snapshot.objects.all().delete()
        market = make_market()
        first = history(market)
        assert snapshot_take(now=utc_now(), every=1)
        market.replace(market.buyer, first, 1_003, 3)
        history(market)
        assert snapshot_take(now=utc_now(), every=1)
        history(market)
        submit_sync(SetPhase(market.instrument.symbol, "auction"))
        market.buy(1_006, 2)
        return market, list(Snapshot.objects.all())


@pytest.fixture
def market(db: None, traded: tuple[Market, list[Snapshot]]) -> Iterator[Market]:
    """The market, with its two snapshots as they were."""
    market, snapshots = traded
    Snapshot.objects.all().delete()
    Snapshot.objects.bulk_create(snapshots)
    yield market
    Snapshot.objects.all().delete()


def history(market: Market):
    """Trade, cancel and leave some orders; return the oldest that is left."""
    first = market.buy(1_001, 2)
    market.cancel(market.buyer, market.buy(1_000, 1))
    market.sell(1_100, 1)
    market.buy(None, 1, type="market", tif="IOC")
    submit_sync(CancelAll(market.seller.id))
    for n in range(6):
        market.sell(1_004 + n % 3, 2)
        market.buy(1_004, 1)
    return first


@contextmanager
def reading():
    """Read one state of the database."""
    with transaction.atomic():
        connection.ensure_connection()
        yield connection.connection


def flip_a_byte_of(row: Snapshot) -> None:
    state = bytearray(row.state)
    state[len(state) // 2] ^= 1
    Snapshot.objects.filter(sequence=row.sequence).update(state=bytes(state))


def test_snapshot_and_tail_give_what_the_whole_journal_and_the_rows_give(market):
    newest = Snapshot.objects.latest("sequence").sequence
    last = Command.objects.latest("sequence").sequence
    with reading() as session:
        whole = recovered(session, from_snapshot=False)
        tail = recovered(session)
        markets = rebuild(session, now=utc_now()).markets
    assert (whole.snapshot, whole.sequence) == (0, last)
    assert (tail.snapshot, tail.sequence) == (newest, last)
    symbol = market.instrument.symbol
    assert tail.engines[symbol].state_hash() == whole.engines[symbol].state_hash()
    assert tail.engines[symbol].current_phase == "auction"
    assert tail.engines[symbol].book() == whole.engines[symbol].book()
    assert differing(markets, tail) == differing(markets, whole) == []


def test_a_restored_snapshot_is_what_it_was_taken_of(market):
    with reading() as session:
        books = recovered(session)
    again = snapshot.decode(snapshot.encode(books.engines))
    assert {s: e.state_hash() for s, e in again.items()} == {
        s: e.state_hash() for s, e in books.engines.items()
    }


def test_a_broken_snapshot_is_passed_over_for_the_one_before_and_at_last_for_the_journal(market):
    newer, older = Snapshot.objects.order_by("-sequence")
    flip_a_byte_of(newer)
    with reading() as session:
        books = recovered(session)
        assert books.snapshot == older.sequence
        assert differing(rebuild(session, now=utc_now()).markets, books) == []
    flip_a_byte_of(older)
    with reading() as session:
        books = recovered(session)
        assert books.snapshot == 0
        assert differing(rebuild(session, now=utc_now()).markets, books) == []
    with sequencer():
        assert_consistent()


def test_the_sequencer_starts_from_the_newest_snapshot_and_plays_only_the_tail(market):
    newest = Snapshot.objects.latest("sequence").sequence
    tail = Command.objects.filter(sequence__gt=newest).count()
    with sequencer() as process:
        (agreed,) = (e for e in process.events() if e["event"] == "sequencer_books_agree")
        assert (agreed["snapshot"], agreed["played"]) == (newest, tail)


def test_books_that_differ_from_the_journal_keep_the_sequencer_from_opening(market, tmp_path):
    (resting, *_) = Order.objects.filter(instrument=market.instrument, status="open")
    Order.objects.filter(id=resting.id).update(leaves_lots=resting.leaves_lots + 1)
    symbol = market.instrument.symbol
    with started(tmp_path) as process:
        assert process.exit_code() == BOOKS_DIFFER
        assert not process.socket.exists()
        (event,) = (e for e in process.events() if e["event"] == "sequencer_books_differ")
        assert (event["level"], event["instruments"]) == ("error", [symbol])
    for options in ([], ["--from-snapshot"], ["--instrument", symbol]):
        with pytest.raises(CommandError, match=f"differ from their journal: {symbol}") as error:
            call_command("exchange_replay", *options)
        assert error.value.returncode == 1
    Order.objects.filter(id=resting.id).update(leaves_lots=resting.leaves_lots)
    with sequencer():
        assert_consistent()


def test_a_market_listed_in_another_phase_recovers_before_and_after_its_first_order(db):
    with sequencer():
        funded = make_market()
        found, untouched = (builders.instrument(of_class=funded.instrument.compute_class) for _ in range(2))
        Instrument.objects.filter(id__in=[found.id, untouched.id]).update(phase="pre_open")
        funded.sell(1_001, 2, instrument=found.symbol)
        assert_consistent()
    with sequencer():  # which has loaded the untouched one
        assert_consistent()
        funded.sell(1_001, 2, instrument=untouched.symbol)
        funded.buy(1_003, 1, instrument=untouched.symbol)
        funded.buy(1_003, 1, instrument=found.symbol)
        assert_consistent()
    with sequencer():
        assert_consistent()
    assert not Trade.objects.filter(instrument__in=[found, untouched]).exists()


def test_replaying_one_instrument_shows_its_hash(market, capsys):
    symbol = market.instrument.symbol
    with reading() as session:
        expected = rebuild(session, now=utc_now()).markets[symbol].engine.state_hash()
    call_command("exchange_replay", "--instrument", symbol, "--from-snapshot")
    assert capsys.readouterr().out.splitlines() == [
        f"{symbol}: state hash {expected}",
        "1 books agree with the journal",
    ]
    with pytest.raises(CommandError, match="There is no instrument nowhere"):
        call_command("exchange_replay", "--instrument", "nowhere")


def test_snapshots_are_taken_when_the_tail_has_grown_and_old_ones_go(market):
    newest = Snapshot.objects.latest("sequence").sequence
    last = Command.objects.latest("sequence").sequence
    assert not snapshot_take(now=utc_now(), every=last - newest + 1)
    assert snapshot_take(now=utc_now(), every=last - newest, at_most=3, keep=2)
    assert list(Snapshot.objects.order_by("sequence").values_list("sequence", flat=True)) == [
        newest,
        newest + 3,
    ]
    while snapshot_take(now=utc_now(), every=1, at_most=5, keep=2):
        pass
    assert Snapshot.objects.latest("sequence").sequence == last
    assert Snapshot.objects.count() == 2


def test_a_new_snapshot_takes_the_place_of_a_broken_one(market):
    with reading() as session:
        books = recovered(session)
        snapshot.take(session, books, now=utc_now())
    flip_a_byte_of(Snapshot.objects.latest("sequence"))
    with reading() as session:
        assert recovered(session).snapshot < books.sequence
        snapshot.take(session, books, now=utc_now())
        assert recovered(session).snapshot == books.sequence


def test_commands_from_before_the_journal_kept_effects_get_theirs(market):
    migration = import_module("exchange.migrations.0007_effects_of_old_commands")
    both = [market.buyer.id, market.seller.id]
    kept = dict(Command.objects.filter(organisation_id__in=both).values_list("sequence", "effects"))
    assert sum(effects is not None for effects in kept.values()) > 30
    owner = connections["owner"]
    with transaction.atomic(using="owner"), owner.cursor() as cursor:
        cursor.execute("ALTER TABLE exchange_command DISABLE TRIGGER exchange_command_append_only")
        cursor.execute(
            "UPDATE exchange_command SET effects = NULL, payload = (%s::jsonb || payload::jsonb)::text"
            " WHERE organisation_id = ANY(%s)",
            [json.dumps(WRITTEN_OUT), both],
        )
        migration.fill(None, SimpleNamespace(connection=owner))
        again = dict(
            Command.objects.using("owner").filter(sequence__in=kept).values_list("sequence", "effects")
        )
        transaction.set_rollback(True, using="owner")
    assert {n: words(effects) for n, effects in again.items()} == {
        n: words(effects) for n, effects in kept.items()
    }


def words(effects: bytes | None):
    return None if effects is None else msgspec.to_builtins(decode_effects(effects))
