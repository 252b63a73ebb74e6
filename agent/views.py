"""How the agent's state, findings and earnings look in a terminal."""

import time
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.text import Text

from agent.findings import Finding
from agent.options import grid
from agent.state import Status
from cux.wire.agent import Earning

MISSED_HEARTBEATS = 3
COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}
NANO = 1_000_000_000


def is_healthy(status: Status, now: float) -> bool:
    """Whether the agent is in touch with the exchange, and an engine of it can be given leases."""
    serves = any(one.status == "ready" and one.prepared for one in status.engines)
    return serves and now - status.heartbeat_at <= MISSED_HEARTBEATS * status.heartbeat_s


def status_view(status: Status) -> RenderableType:
    """The agent's last report."""
    now = time.time()
    healthy = is_healthy(status, now)
    ago = f"{max(0.0, now - status.heartbeat_at):.0f} s ago" if status.heartbeat_at else "never"
    mode = "draining" if status.draining else "maintenance" if status.maintenance else "serving"
    head = Text(f"{status.provider_id}  {mode}  ", style="bold")
    head.append("healthy" if healthy else "not healthy", style="green" if healthy else "red")
    head.append(f"  heartbeat {ago}  {status.running} leases run, {status.free_slots} slots free", style="")
    engines = grid(
        ["engine", "model", "state", ">running", ">slots", "address"],
        [
            [one.name, one.model, one.status, str(one.running), str(one.slots), one.url or "–"]
            for one in status.engines
        ],
    )
    parts: list[RenderableType] = [head, engines, _gpus(status)]
    for what, problem in (("problem", status.problem), ("offers", status.offers)):
        if problem:
            parts.append(Text(f"{what}: {problem}", style="red"))
    return Group(*parts)


def _gpus(status: Status) -> RenderableType:
    if status.gpus_unknown:
        return Text(f"GPUs: {status.gpus_unknown}", style="dim")
    return grid(
        ["GPU", "name", ">busy", ">memory MiB", ">watts", ">kJ so far"],
        [
            [
                str(gpu.index),
                gpu.name,
                f"{gpu.busy_percent} %",
                f"{gpu.memory_used_mib:,} / {gpu.memory_mib:,}",
                f"{gpu.power_mw // 1_000:,}",
                f"{gpu.energy_mj // 1_000_000:,}",
            ]
            for gpu in status.gpus
        ],
    )


def findings_view(findings: list[Finding]) -> RenderableType:
    """What `doctor` found, with the fixes."""
    table = grid(["", "what", "found", "what to do"], [])
    for one in findings:
        colour = COLOURS[one.verdict]
        table.add_row(Text(one.verdict, style=colour), one.subject, one.found, one.fix)
    return table


def earnings_view(rows: list[Earning], *, why: bool) -> RenderableType:
    """What was earned; with `why`, how each amount came about."""
    columns = ["when (UTC)", "for", ">earned $", ">held back $", "until (UTC)"]
    if why:
        columns += ["model", ">prompt", ">cached", ">output", ">µCU", ">$/CU", "card"]
    return grid(columns, [[*_money(row), *(_why(row) if why else [])] for row in rows])


def _money(row: Earning) -> list[str]:
    until = _moment(row.matures_at) if row.matures_at else "–"
    return [
        _moment(row.booked_at),
        row.subject_id,
        usd(row.paid_nano_usd + row.held_nano_usd),
        usd(row.held_nano_usd),
        until,
    ]


def _why(row: Earning) -> list[str]:
    counts = [row.prompt_tokens, row.cached_tokens, row.output_tokens, row.compute_ucu]
    return [
        row.model,
        *(f"{count:,}" for count in counts),
        usd(row.price_nano_usd_per_cu),
        row.card_hash[:12],
    ]


def usd(nano_usd: int) -> str:
    """An amount in dollars, exactly."""
    return f"{nano_usd // NANO:,}.{nano_usd % NANO:09d}"


def _moment(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
