"""The ladder on real vLLM: one model at three depths, each sold, asked and metered by a card of its own, and
what the gate makes of them for questions of rising difficulty."""

import signal
from collections.abc import Iterator
from dataclasses import replace

import openai
import pytest

from config.demo.ladder import LADDER_STEPS
from config.demo.steps import Market, verify
from config.processes import ladder_agent
from core.supervisor.process import Restart, State
from cux.wire.card import ComputeCard
from cux.wire.metering import compute_ucu
from tests.e2e.stack import Stack
from tests.waiting import eventually

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(600)]

RISING = ("Sum of 4 and 7?", "How much is 466 plus 626?", "How much is 530760 plus 276618?")
RUNGS = {"reasoner-135m-10": 10, "reasoner-135m-20": 20, "reasoner-135m": 30}


@pytest.fixture(scope="module")
def market(stack: Stack) -> Iterator[Market]:
    """The market with the ladder's agent, whose three engines are ended again after the tests."""
    agent = replace(ladder_agent(stack.place), restart=Restart.NEVER)
    stack.add(agent)
    said: list[str] = []
    market = stack.market(said.append)
    market.found["said"] = said
    try:
        for _title, step in LADDER_STEPS:
            step(market)
        yield market
    finally:
        market.close()
        stack.supervisor.kill(agent.name, signal.SIGTERM)
        eventually(lambda: stack.supervisor.state(agent.name) is State.DONE, within_s=120)


def test_every_rung_answers_and_is_metered_by_its_own_card(market: Market) -> None:
    cards = {row["model"]: row["card"] for row in market.call("ada", "GET", "/v1/compute-cards")["data"]}
    jobs = market.found["rungs"]
    assert [job["model"] for job in jobs] == list(RUNGS)
    for job in jobs:
        card = ComputeCard.from_payload(cards[job["model"]])
        assert (card.layers, card.card_hash) == (RUNGS[job["model"]], job["card_hash"])
        tokens = {name: job[name] for name in ("prompt_tokens", "output_tokens")}
        assert job["compute_ucu"] == compute_ucu(card, **tokens)
        market.found |= {"job_id": job["job_id"], "card": cards[job["model"]]}
        verify(market)
    assert len({job["prompt_tokens"] for job in jobs}) == 1
    assert jobs[0]["compute_ucu"] < jobs[1]["compute_ucu"] < jobs[2]["compute_ucu"]
    said = market.found["said"]
    assert said.count("the receipt is valid") == len(RUNGS)
    assert any(line.startswith("reasoner-135m ") and line.endswith(": 1582") for line in said)

    offered = market.call("eastpeak", "GET", "/v1/standing-offers")["data"]
    assert [row["instrument"] for row in offered] == [market.facts["ladder"]["idle_instrument"]]
    assert offered[0]["quantity_lots"] > 0


def test_questions_of_rising_difficulty_get_rising_compute(market: Market) -> None:
    with openai.OpenAI(base_url=f"{market.place.url}/v1", api_key=market.key("ada"), max_retries=0) as client:
        answers = [
            client.chat.completions.create(
                model="reasoner-135m",
                messages=[{"role": "user", "content": question}],
                extra_body={"quality": "auto"},
            )
            for question in RISING
        ]
    told = [answer.usage.model_extra["cux"] for answer in answers]  # type: ignore[union-attr, index]
    used = [each["compute_ucu"] for each in told]
    assert used[0] < used[1] < used[2]
    assert answers[0].choices[0].message.content == "11"
    cards = {row["card_hash"]: row["card"] for row in market.call("ada", "GET", "/v1/compute-cards")["data"]}
    for each in told:
        assert each["state"] == "answered"
        assert each["plan"]["is_familiar"]
        assert each["compute_ucu"] == sum(tranche["compute_ucu"] for tranche in each["tranches"])
        assert each["compute_ucu"] <= each["quote_ucu"]
        assert 0 < each["tranches"][-1]["confidence_ppm"] <= 1_000_000
        for tranche in each["tranches"]:
            market.found |= {"job_id": tranche["job_id"], "card": cards[tranche["card_hash"]]}
            verify(market)
