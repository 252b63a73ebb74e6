"""The systemd unit, and what systemd is told while the agent runs."""

import os
import socket
import tempfile
from pathlib import Path

import pytest

from agent import systemd


def made(**changes: object) -> str:
    """A unit of these settings."""
    settings = {
        "command": ["/v/bin/python", "-m", "agent", "run", "--config", "/etc/cux agent.toml"],
        "user": "cux",
        "state": Path("/var/lib/cux-agent"),
        "directory": Path("/srv"),
        "drain_s": 120,
        "has_gpu": False,
    }
    return systemd.unit(**(settings | changes))  # type: ignore[arg-type]


def test_the_unit_is_watched_restarted_and_may_do_little_else_than_write_its_state() -> None:
    lines = made().splitlines()
    assert "ExecStart=/v/bin/python -m agent run --config '/etc/cux agent.toml'" in lines
    assert {"Type=notify", "WatchdogSec=90", "Restart=on-failure", "RestartPreventExitStatus=2 3"} <= set(
        lines
    )
    assert "TimeoutStopSec=180" in lines
    assert "User=cux" in lines
    hardening = {"NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=", "UMask=0077"}
    assert hardening <= set(lines)
    assert [line for line in lines if line.startswith("ReadWritePaths")] == [
        "ReadWritePaths=/var/lib/cux-agent"
    ]
    assert "PrivateDevices=yes" in lines
    gpu = made(has_gpu=True).splitlines()
    assert "PrivateDevices=yes" not in gpu
    assert "DeviceAllow=char-nvidia rw" in gpu
    assert "100%%" in made(command=["100%"])


def test_systemd_hears_what_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(f"{short}/n")
        monkeypatch.setenv("NOTIFY_SOCKET", f"{short}/n")
        systemd.notify("WATCHDOG=1")
        assert line.recv(100) == b"WATCHDOG=1"
    systemd.notify("WATCHDOG=1")  # nobody listens any more: the agent goes on
    monkeypatch.delenv("NOTIFY_SOCKET")
    systemd.notify("READY=1")


def test_the_watchdog_is_told_thrice_in_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    assert systemd.watchdog_s() is None
    monkeypatch.setenv("WATCHDOG_USEC", "90000000")
    assert systemd.watchdog_s() == 30.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid() + 1))
    assert systemd.watchdog_s() is None
