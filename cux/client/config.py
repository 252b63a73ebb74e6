"""Where the exchange is and which key to show: from arguments, the environment, or a file of one's own.

The file is `~/.config/cux/config.toml` (or under XDG_CONFIG_HOME), one table per profile:

    [profiles.default]
    url = "http://127.0.0.1:8000"
    api_key = "sk_live_…"
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx

from cux.client.errors import CuxError

DEFAULT_URL: Final = "http://127.0.0.1:8000"
DEFAULT_PROFILE: Final = "default"
_KEY: Final = re.compile(r"[\x21-\x7e]+")


class ConfigError(CuxError):
    """The configuration file is not what it should be."""


@dataclass(frozen=True, slots=True)
class Access:
    """An exchange's address, and the key to show it if there is one."""

    url: str
    api_key: str | None = field(default=None, repr=False)


def config_path() -> Path:
    """Return where the configuration is kept."""
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "cux" / "config.toml"


def resolve(*, url: str | None = None, api_key: str | None = None, profile: str | None = None) -> Access:
    """Return what to use: arguments before CUX_URL and CUX_API_KEY before the profile (or CUX_PROFILE).

    A profile's key is shown to the profile's own exchange only. Raises ConfigError, also for an address that
    is none and a key that cannot be one.
    """
    kept = load_profiles().get(profile or os.environ.get("CUX_PROFILE") or DEFAULT_PROFILE)
    if kept is None and profile is not None:
        raise ConfigError(f"There is no profile `{profile}`; make it with `cux login --as {profile}`.")
    chosen = _tidy(url or os.environ.get("CUX_URL") or (kept.url if kept else DEFAULT_URL))
    own_key = kept.api_key if kept is not None and _tidy(kept.url) == chosen else None
    key = api_key or os.environ.get("CUX_API_KEY") or own_key
    _check(chosen, key)
    return Access(chosen, key)


def load_profiles() -> dict[str, Access]:
    """Return all profiles by name; none if there is no file. Raises ConfigError."""
    path = config_path()
    try:
        tables = tomllib.loads(path.read_text()).get("profiles", {})
        return {name: Access(str(table["url"]), str(table["api_key"])) for name, table in tables.items()}
    except FileNotFoundError:
        return {}
    except (
        OSError,
        UnicodeDecodeError,
        tomllib.TOMLDecodeError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise ConfigError(f"{path} could not be read: {error}") from error


def store_profile(name: str, access: Access) -> Path:
    """Keep a profile in the file, which only its owner may read, and return the file's path."""
    path = config_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _render(load_profiles() | {name: access})
    fresh = path.with_suffix(f".{os.getpid()}.new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    fresh.replace(path)
    return path


def _render(profiles: Mapping[str, Access]) -> str:
    """Return TOML; its basic strings are written as JSON's are."""
    tables = [
        f"[profiles.{json.dumps(name)}]\nurl = {json.dumps(kept.url)}\napi_key = {json.dumps(kept.api_key)}\n"
        for name, kept in sorted(profiles.items())
    ]
    return "\n".join(tables)


def _check(url: str, key: str | None) -> None:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigError(f"{url} is no address: {error}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ConfigError(f"Expected an address such as {DEFAULT_URL}, was {url}")
    if key is not None and not _KEY.fullmatch(key):
        raise ConfigError("The API key is not printable ASCII; it was not sent.")


def _tidy(url: str) -> str:
    """Return the address without what OpenAI clients want behind it: `/v1`, which calls add themselves."""
    return url.rstrip("/").removesuffix("/v1")
