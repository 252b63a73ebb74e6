"""Messages parse strictly where the exchange reads them, and tolerantly where an older agent does."""

from typing import Any

import msgspec
import pytest

from cux.wire import agent, batches, orders

ORDER = {"instrument": "smollm2-135m.cpu.spot", "side": "buy", "quantity_lots": 5, "price_ticks": 200}
DIGEST = "ab" * 32


def parse(value: Any, kind: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)


def test_a_limit_order_takes_its_defaults() -> None:
    assert parse(ORDER, orders.NewOrder) == orders.NewOrder(
        instrument="smollm2-135m.cpu.spot",
        side="buy",
        type="limit",
        tif="GTC",
        quantity_lots=5,
        price_ticks=200,
        client_order_id=None,
        post_only=False,
        stp="cancel_taker",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity_lots": 0},
        {"quantity_lots": -1},
        {"quantity_lots": 2**31 + 1},
        {"quantity_lots": 1.5},
        {"quantity_lots": 1.0},
        {"quantity_lots": "5"},
        {"quantity_lots": True},
        {"price_ticks": None},
        {"price_ticks": 2**63},
        {"price_ticks": -(2**63) - 1},
        {"quantity_lots": None},
        {"budget_nano_usd": 0},
        {"expires_at": "tomorrow"},
        {"only_providers": ["org_1"] * 33},
        {"type": "stop"},
        {"side": "BUY"},
        {"tif": "gtc"},
        {"stp": "both"},
        {"instrument": ""},
        {"instrument": "a" * 65},
        {"instrument": "a\n"},
        {"client_order_id": ""},
        {"client_order_id": "x" * 49},
        {"client_order_id": "é"},
        {"client_order_id": "a b"},
        {"client_order_id": "a\n"},
        {"colour": "red"},
    ],
)
def test_a_malformed_order_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        parse(ORDER | changes, orders.NewOrder)


def test_the_largest_order_and_handle_are_accepted() -> None:
    largest = {"quantity_lots": 2**31, "price_ticks": 2**63 - 1, "client_order_id": "~" * 48}
    assert parse(ORDER | largest, orders.NewOrder).quantity_lots == 2**31


def test_a_market_order_has_a_price_only_as_protection() -> None:
    market = {"instrument": "x", "side": "sell", "type": "market", "tif": "IOC", "quantity_lots": 1}
    assert parse(market, orders.NewOrder).price_ticks is None
    assert parse(market | {"price_ticks": 7}, orders.NewOrder).price_ticks == 7


def test_a_market_order_may_have_a_budget_instead_of_a_quantity() -> None:
    market = {"instrument": "x", "side": "buy", "type": "market", "tif": "IOC", "budget_nano_usd": 10**9}
    assert parse(market, orders.NewOrder).quantity_lots is None


def test_a_batch_is_a_list_of_operations_by_name() -> None:
    items = [ORDER | {"op": "new"}, {"op": "cancel", "client_order_id": "a"}]
    items.append({"op": "replace", "order_id": "ord_1", "price_ticks": 1, "quantity_lots": 2})
    parsed = parse({"items": items}, batches.Batch).items
    assert [type(item) for item in parsed] == [batches.BatchNew, batches.BatchCancel, batches.BatchReplace]


@pytest.mark.parametrize(
    "items",
    [
        [],
        [{"op": "cancel", "client_order_id": "a"}] * 201,
        [{"op": "cancel"}],
        [{"op": "cancel", "client_order_id": "a", "order_id": "b"}],
        [{"op": "amend", "order_id": "b"}],
        [ORDER],
        [ORDER | {"op": "new", "colour": "red"}],
    ],
)
def test_a_malformed_batch_is_refused(items: list[Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        parse({"items": items}, batches.Batch)


def test_a_book_is_lists_of_price_and_quantity() -> None:
    book = orders.BookView(instrument="x", seq=3, bids=[(10, 2)], asks=[])
    assert msgspec.json.encode(book) == b'{"instrument":"x","seq":3,"bids":[[10,2]],"asks":[]}'
    assert parse(book, orders.BookView) == book


CLAIM = {"version": 1, "free_slots": 4, "wait_s": 20}


@pytest.mark.parametrize("changes", [{"version": 2}, {"free_slots": 0}, {"wait_s": 61}, {"extra": 1}])
def test_a_request_of_another_version_or_shape_is_refused(changes: dict[str, Any]) -> None:
    assert parse(CLAIM, agent.ClaimRequest) == agent.ClaimRequest(free_slots=4, wait_s=20)
    with pytest.raises(msgspec.ValidationError):
        parse(CLAIM | changes, agent.ClaimRequest)


def test_an_answer_may_carry_fields_an_older_agent_does_not_know() -> None:
    answer = {"version": 1, "leases_canceled": ["l-1"], "drain": False, "news": "x"}
    assert parse(answer, agent.HeartbeatResponse) == agent.HeartbeatResponse(
        leases_canceled=["l-1"], drain=False
    )


def test_a_lease_survives_the_wire() -> None:
    lease = agent.Lease(
        lease_id="l-1",
        job_id="j-1",
        epoch=1,
        model="smollm2-135m",
        model_revision="1",
        card_hash=DIGEST,
        prompt_token_ids=[1, 2, 3],
        max_tokens=16,
        temperature_milli=700,
        top_p_ppm=950_000,
        seed=7,
        stop=["\n"],
        relay_url="http://127.0.0.1:1/relay",
        relay_token="t" * 32,
        deadline="2026-08-01T12:00:00Z",
    )
    answer = agent.ClaimResponse(leases=[lease])
    assert parse(answer, agent.ClaimResponse) == answer


@pytest.mark.parametrize(
    "line",
    [
        agent.TokensLine(ids=[0, 49_151]),
        agent.FinishedLine(
            finish_reason="stop", prompt_tokens=3, output_tokens=2, provider_signature="00" * 64
        ),
        agent.FailedLine(code="engine_lost", message="vLLM exited"),
    ],
)
def test_upload_lines_name_their_type(line: Any) -> None:
    assert parse(line, agent.UploadLine) == line


@pytest.mark.parametrize(
    "line",
    [
        {"type": "tokens", "ids": []},
        {"type": "tokens", "ids": [-1]},
        {"type": "tokens", "ids": [1.0]},
        {"type": "tokens", "ids": [1], "text": "a"},
        {"type": "other"},
        {"ids": [1]},
        {"type": "finished", "finish_reason": "stop", "prompt_tokens": 1, "output_tokens": 1},
    ],
)
def test_a_malformed_upload_line_is_refused(line: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        parse(line, agent.UploadLine)
