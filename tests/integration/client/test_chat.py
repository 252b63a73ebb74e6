"""A chat through the client, and its receipt verified by a process that knows only public keys."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from core.clock import utc_now
from cux.client import Client, InsufficientFundsError, ServerError
from cux.wire.verification import parse_receipt
from exchange.models import Cover
from inference.models import Job
from inference.services.job_dispatch import job_dispatch
from tests import builders
from tests.environment import ROOT
from tests.integration.api.scripted import ScriptedProvider
from tests.integration.client.conftest import secret_of
from tests.integration.inference.scene import Scene


@pytest.fixture
def asker(urls: tuple[str, str], scene: Scene) -> Client:
    """Return a client of the scene's buyer."""
    return Client(urls[0], secret_of(scene.buyer))


def test_a_chat_is_answered_metered_and_proved(
    asker: Client, scene: Scene, provider: ScriptedProvider, urls: tuple[str, str], tmp_path: Path
) -> None:
    provider.say.put("Hi there")
    provider.say.put(None)
    serving = provider.serve()
    with asker as client:
        quote = client.quote_create(scene.model.name, "hello", max_tokens=20)
        answer = client.chat(scene.model.name, "hello", max_tokens=20)
        serving.join()
        used = answer.usage.cux
        assert (answer.text, answer.finish_reason) == ("Hi there", "stop")
        assert 0 < used.compute_ucu <= used.quote_ucu == quote.quote_ucu
        (job,) = client.job_list()
        shown = client.job_get(used.job_id)
        assert shown.route["chosen"] == scene.agents[0].provider.name
        assert structs.replace(shown, routing={}, route={}) == job
        assert (job.status, job.charged_nano_usd) == ("settled", used.cost_nano_usd)
        data = client.receipt_get(used.job_id)
        keys = client.key_list()
        assert scene.model.name in [model.id for model in client.model_list()]
        assert client.card_get(used.card_hash).compute_card().card_hash == used.card_hash
        assert used.card_hash in [card.card_hash for card in client.card_list()]
        body = parse_receipt(data).body
        assert body.statement.provider_id in [provider.provider_id for provider in client.provider_list()]

    (tmp_path / "receipt.json").write_bytes(data)
    signer = next(key for key in keys.providers if key.key_id == body.provider_key_id)
    pinned = ["--exchange-key", keys.exchange.public_key, "--provider-key", signer.public_key]
    offline = verify("receipt.json", *pinned, "--offline", folder=tmp_path)
    assert (offline.returncode, offline.stdout.splitlines()[-1]) == (0, "the receipt is valid")
    online = verify(used.job_id, "--url", urls[0], folder=tmp_path, key=asker.access.api_key)
    assert online.returncode == 0, online.stderr
    assert f"bill: {used.compute_ucu} µCU, recomputed" in online.stdout
    (tmp_path / "receipt.json").write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
    forged = verify("receipt.json", *pinned, "--offline", folder=tmp_path)
    assert (forged.returncode, forged.stdout.splitlines()[-1]) == (1, "the receipt is NOT valid")


def verify(
    source: str, *options: str, folder: Path, key: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `cux receipt verify` in a process of its own that has no key unless it is given one."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "cux", "receipt", "verify", source, *options],
        cwd=folder,
        env=environment | ({"CUX_API_KEY": key} if key else {}),
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_streamed_answer_comes_as_it_is_made(
    asker: Client, scene: Scene, provider: ScriptedProvider
) -> None:
    serving = provider.serve()
    provider.say.put("One")
    text, usage = "", None
    with asker as client:
        for chunk in client.chat_stream(scene.model.name, "hello", max_tokens=20):
            text += chunk.text
            usage = chunk.usage
            if text == "One":  # the provider says more only when what it said has arrived
                provider.say.put(" two")
                provider.say.put(None)
                text += "|"
    serving.join()
    assert text == "One| two"
    assert usage is not None
    assert usage.total_tokens == 12


def test_an_answer_that_fails_midway_raises_and_costs_nothing(
    asker: Client, scene: Scene, provider: ScriptedProvider
) -> None:
    provider.fails = True
    serving = provider.serve()
    provider.say.put("One")
    with asker as client:
        pieces = client.chat_stream(scene.model.name, "hello", max_tokens=20)
        assert next(pieces).text + next(pieces).text == "One"
        provider.say.put(None)
        serving.join()
        job = Job.objects.get(organisation=scene.buyer)
        # Nobody else sells it: the cover for the rest of the answer finds nothing.
        assert Cover.objects.filter(job_id=job.id).update(state=Cover.State.RETURNED) == 1
        job_dispatch(job_id=job.id, now=utc_now())
        with pytest.raises(ServerError) as broken:
            list(pieces)
    assert broken.value.code == "job_failed"
    job.refresh_from_db()
    assert (job.state, job.charged_nano_usd) == ("refunded", 0)


def test_without_compute_there_is_no_answer(urls: tuple[str, str], scene: Scene) -> None:
    poor = builders.organisation("poor")
    with Client(urls[0], secret_of(poor)) as client, pytest.raises(InsufficientFundsError) as refused:
        client.chat(scene.model.name, "hello", max_tokens=20)
    assert refused.value.code == "insufficient_entitlement"
    assert not Job.objects.filter(organisation=poor).exists()
