"""Where the client connects to, and to whom it shows which key."""

from pathlib import Path

import pytest

from cux.client.config import DEFAULT_URL, Access, ConfigError, config_path, resolve, store_profile


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a home of its own and an empty environment."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("CUX_URL", "CUX_API_KEY", "CUX_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_without_anything_it_is_the_local_exchange_and_no_key() -> None:
    assert resolve() == Access(DEFAULT_URL, None)


def test_arguments_go_before_the_environment_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    store_profile("default", Access("http://kept", "cux_kept"))
    assert resolve() == Access("http://kept", "cux_kept")
    monkeypatch.setenv("CUX_URL", "http://env/")
    monkeypatch.setenv("CUX_API_KEY", "cux_env")
    assert resolve() == Access("http://env", "cux_env")
    assert resolve(url="http://given", api_key="cux_given") == Access("http://given", "cux_given")


def test_a_kept_key_is_never_shown_to_another_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    store_profile("default", Access("http://kept", "cux_kept"))
    assert resolve(url="http://other").api_key is None
    monkeypatch.setenv("CUX_URL", "http://other")
    assert resolve().api_key is None
    assert resolve(url="http://kept/").api_key == "cux_kept"


def test_profiles_live_side_by_side_in_a_file_only_the_owner_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    store_profile("default", Access("http://one", "cux_1"))
    path = store_profile('a "b"', Access("http://two", 'cux_"2'))
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["config.toml"]
    assert resolve().api_key == "cux_1"
    assert resolve(profile='a "b"') == Access("http://two", 'cux_"2')
    monkeypatch.setenv("CUX_PROFILE", 'a "b"')
    assert resolve().url == "http://two"


def test_an_unknown_profile_and_a_broken_file_are_named() -> None:
    with pytest.raises(ConfigError, match="cux login --as work"):
        resolve(profile="work")
    config_path().parent.mkdir()
    for text in ("[profiles", "[profiles.default]\nurl = 'http://x'\n", "profiles = 3\n"):
        config_path().write_text(text)
        with pytest.raises(ConfigError, match=r"config\.toml could not be read"):
            resolve()


def test_a_key_is_not_in_what_is_printed_of_it() -> None:
    assert "cux_secret" not in repr(Access("http://x", "cux_secret"))


@pytest.mark.parametrize("url", ["http://x/v1", "http://x/v1/", "http://x/", "http://x"])
def test_the_address_may_be_the_one_that_openai_clients_want(url: str) -> None:
    assert resolve(url=url).url == "http://x"


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x", "http://", "http://a:b", "x"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="address"):
        resolve(url=url)


@pytest.mark.parametrize("key", ["cux_\u00e9", "cux_1\nX-Evil: 1", "two words"])
def test_a_key_that_cannot_be_one_is_neither_sent_nor_repeated_in_the_error(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(api_key=key)
    assert key not in str(caught.value)
