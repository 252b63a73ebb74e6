"""Running under systemd: the unit, and what systemd is told while the agent runs (sd_notify)."""

import os
import shlex
import socket
from pathlib import Path

UNIT = """\
[Unit]
Description=Provider agent of the compute-unit exchange
Documentation=man:systemd.exec(5)
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=600
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
WatchdogSec=90
ExecStart={command}
WorkingDirectory={directory}
User={user}
Restart=on-failure
RestartSec=5
# Wrong settings (2), or a key that was revoked (3): starting again would change nothing.
RestartPreventExitStatus=2 3
TimeoutStartSec=infinity
TimeoutStopSec={stop_s}
KillMode=mixed
UMask=0077

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={state}
PrivateTmp=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
{devices}

[Install]
WantedBy=multi-user.target
"""
CPU_DEVICES = "PrivateDevices=yes"
GPU_DEVICES = """\
DevicePolicy=closed
DeviceAllow=char-nvidia rw
DeviceAllow=char-nvidia-frontend rw
DeviceAllow=char-nvidia-uvm rw
DeviceAllow=char-nvidia-caps rw"""


def unit(*, command: list[str], user: str, state: Path, directory: Path, drain_s: int, has_gpu: bool) -> str:
    """The text of the unit: told when the agent is ready, and restarted where it stops telling that it lives.

    Stopping waits for what runs to finish (`drain_s`) and to be delivered.
    """
    return UNIT.format(
        command=shlex.join(command).replace("%", "%%"),
        user=user,
        state=str(state).replace("%", "%%"),
        directory=str(directory).replace("%", "%%"),
        stop_s=drain_s + 60,
        devices=GPU_DEVICES if has_gpu else CPU_DEVICES,
    )


def watchdog_s() -> float | None:
    """How often to tell systemd that this process lives, a third of its patience; None: never."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    meant = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(microseconds) / 3_000_000 if microseconds.isdecimal() and meant else None


def notify(message: str) -> None:
    """Tell systemd something, such as `READY=1`; without systemd nobody is told."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        try:
            # A name that begins with @ is in the abstract namespace.
            line.sendto(message.encode(), "\0" + address[1:] if address.startswith("@") else address)
        except OSError:
            return
