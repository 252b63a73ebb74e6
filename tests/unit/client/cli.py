"""Runs `cux` against a scripted exchange."""

from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cux.cli import app
from cux.client import Client
from tests.unit.client.exchange import Script


def run(monkeypatch: pytest.MonkeyPatch, script: Script, *arguments: str, **options: Any) -> Result:
    """Run a command line that is answered by the script, and return its end and its output."""

    def client(
        url: str | None = None, api_key: str | None = None, *, profile: str | None = None, **rest: Any
    ) -> Client:
        return script.client(**rest)

    monkeypatch.setattr("cux.cli.session.Client", client)
    monkeypatch.setattr("cux.cli.login.Client", client)
    return CliRunner().invoke(app, list(arguments), **options)
