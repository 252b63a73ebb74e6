"""`python -m config.demo [--exit]`: start everything, do the main job once, stay up."""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from agent.doctor_host import memory_available_mib
from config.demo.ladder import LADDER_STEPS
from config.demo.steps import STEPS, Market, Step, StepError, parties
from config.processes import Place, all_processes, ladder_agent
from core.embedded.errors import EmbeddedError
from core.supervisor.errors import SupervisorError
from core.supervisor.supervisor import Supervisor

LADDER_MIB: Final = 5_120
"""What the ladder's agent and its three vLLM servers take, with some to spare (4,600 were measured)."""


def main() -> int:
    """Run the demo; return 0, or 1 with the failing step named."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="stop after the main job instead of staying up")
    options = parser.parse_args()
    console = Console(highlight=False)
    started = time.monotonic()

    async def work(place: Place, supervisor: Supervisor) -> bool:
        console.print(f"\n[bold]everything is up[/] after {time.monotonic() - started:.1f} s\n")
        facts = json.loads((place.var / "demo.json").read_text())
        await asyncio.to_thread(_do, STEPS, console, place, facts)
        if options.exit:
            return False
        for line in how_to_use_it(place, facts):
            console.print(line, markup=False, soft_wrap=True)
        if "ladder" in facts and _has_room(console):
            supervisor.add(ladder_agent(place))
            await asyncio.to_thread(_climb, console, place, facts)
        return True

    try:
        place = Place.from_environment()
        place.refuse_taken_ports()
        supervisor = Supervisor(all_processes(place), var=place.var, console=console)
        status = supervisor.run(partial(work, place))
        with contextlib.suppress(OSError):  # the terminal was closed
            console.print(f"everything has stopped; its data is in {place.var}", soft_wrap=True)
        return status
    except (SupervisorError, EmbeddedError, StepError) as failure:
        console.print(f"\n[bold red]the demo failed:[/] {failure}", soft_wrap=True)
        return 1


def _do(steps: tuple[Step, ...], console: Console, place: Place, facts: dict[str, Any]) -> None:
    market = Market(place, facts, lambda line: console.print(f"   {line}", soft_wrap=True))
    try:
        for number, (title, step) in enumerate(steps, start=1):
            console.print(f"[bold]{number}. {title}[/]")
            try:
                step(market)
            except Exception as cause:
                raise StepError(f"step {number} ({title}): {cause or type(cause).__name__}") from cause
    finally:
        market.close()


def _has_room(console: Console) -> bool:
    """Tell whether this host has the memory that the ladder's engines take; say so where it has not."""
    available = memory_available_mib(Path("/proc/meminfo").read_text())
    if available < LADDER_MIB:
        console.print(
            f"the ladder is left out: it takes {LADDER_MIB:,} MiB of memory, {available:,} are available"
        )
    return available >= LADDER_MIB


def _climb(console: Console, place: Place, facts: dict[str, Any]) -> None:
    """Show the ladder once it is up. Where it does not come up, the market stays without it."""
    begun = time.monotonic()
    try:
        _do(LADDER_STEPS, console, place, facts)
        console.print(f"\n[bold]the ladder is up[/] {time.monotonic() - begun:.1f} s after the main job")
    except StepError as failure:
        console.print(f"\n[bold red]the ladder is not up:[/] {failure}", soft_wrap=True)


def how_to_use_it(place: Place, facts: dict[str, Any]) -> list[str]:
    """Return what to say in the end: address, logins, and what to paste for the tour of the README."""
    known = parties(facts)
    ada = facts["buyers"]["ada"]
    return [
        "",
        f"CUX is up at {place.url}   (Ctrl-C stops everything)",
        "",
        "   sign in as   password",
        *(f"   {party['login']:<12} {party['password']}" for party in known.values()),
        "",
        "   API keys",
        *(f"   {name:<12} {party['api_key']}" for name, party in known.items()),
        "",
        "   For curl, cux and Python, in a second terminal, in the repository:",
        ". .venv/bin/activate",
        f"export CUX_URL={place.url}",
        f"export CUX_API_KEY={ada['api_key']}",
        "",
    ]


if __name__ == "__main__":
    sys.exit(main())
