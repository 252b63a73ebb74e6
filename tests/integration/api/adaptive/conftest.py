"""A web process that reads the ladders of a directory, a relay, and a buyer who asks a ladder."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from tests.integration.api.adaptive.scene import HELLO, Answers, add_tiers, write_ladder
from tests.integration.api.conftest import bearer, relay_process, web_process
from tests.integration.inference.scene import Scene, make_scene


@pytest.fixture(scope="module")
def ladders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory from which the web process reads ladders."""
    return tmp_path_factory.mktemp("ladders")


@pytest.fixture(scope="module")
def urls(servers: None, ladders: Path) -> Iterator[tuple[str, str]]:
    """Run a relay and a web process that reads from it; return the addresses of web and relay."""
    with (
        relay_process() as relay_url,
        web_process(CUX_RELAY_URL=relay_url, CUX_LADDERS_DIRECTORY=str(ladders)) as web_url,
    ):
        yield web_url, relay_url


@pytest.fixture
def scene(db: None, tmp_path: Path, ladders: Path) -> Scene:
    """Return a ladder of three models, a provider of all and a buyer with 10,000 µCU there."""
    made = make_scene(tmp_path)
    add_tiers(made)
    write_ladder(ladders, made)
    return made


@pytest.fixture
def answers(scene: Scene, urls: tuple[str, str]) -> Iterator[Answers]:
    """Return the scene's provider; all that it was told to answer has been asked for in the end."""
    made = Answers(scene, urls[1])
    yield made
    for serving in made.threads:
        serving.join(timeout=20)
        assert not serving.is_alive()


@pytest.fixture
def secret(scene: Scene, key_of) -> str:
    """Return a key of the buyer."""
    return key_of(scene.buyer).secret


@pytest.fixture
def client(urls: tuple[str, str], secret: str) -> Iterator[openai.OpenAI]:
    """Return the official client, as anybody would make it."""
    with openai.OpenAI(base_url=f"{urls[0]}/v1", api_key=secret, max_retries=0, timeout=30) as made:
        yield made


@pytest.fixture
def quote(urls: tuple[str, str], scene: Scene, secret: str):
    """Return what quotes a question and runs nothing."""

    def post(**asked: object) -> dict:
        body = {"model": scene.model.name, "messages": HELLO, **asked}
        answer = httpx.post(f"{urls[0]}/v1/quotes", json=body, headers=bearer(secret))
        assert answer.status_code == 200, answer.text
        return answer.json()

    return post
