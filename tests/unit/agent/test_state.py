"""The state directory: private, whole files, one agent at a time."""

import pytest

from agent.state import Enrolment, State, StateError
from cux.wire.agent import EnrolResponse

ENROLMENT = Enrolment(
    exchange="http://x",
    response=EnrolResponse(
        provider_id="prv_1",
        api_key="secret-secret-secret",
        exchange_public_key="0" * 64,
        heartbeat_s=10,
        models=["m"],
    ),
)


@pytest.fixture
def state(tmp_path):
    return State(tmp_path / "agent")


def test_the_key_is_made_once_and_only_its_user_reads_it(state):
    key = state.signing_key()
    assert state.signing_key() == key
    assert (state.directory / "signing-key").stat().st_mode & 0o777 == 0o600
    assert state.directory.stat().st_mode & 0o777 == 0o700


def test_a_damaged_key_is_not_replaced_in_silence(state):
    state.signing_key()
    (state.directory / "signing-key").write_text("ab")
    with pytest.raises(StateError, match="not a signing key"):
        state.signing_key()


def test_an_enrolment_is_kept_privately_and_read_back(state):
    assert state.enrolment() is None
    state.write_enrolment(ENROLMENT)
    assert state.enrolment() == ENROLMENT
    assert (state.directory / "enrolment.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.directory.iterdir() if path.name.startswith(".")] == []


def test_a_damaged_file_is_named(state):
    state.write_enrolment(ENROLMENT)
    (state.directory / "enrolment.json").write_text("{")
    with pytest.raises(StateError, match=r"enrolment\.json can not be read"):
        state.enrolment()


def test_two_agents_do_not_share_a_directory(state):
    with (
        state.locked(),
        pytest.raises(StateError, match="another agent is running"),
        State(state.directory).locked(),
    ):
        pass
    with State(state.directory).locked():
        pass
