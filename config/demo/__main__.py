"""`python -m config.demo [--exit]`: start everything, do the main job once, stay up."""

import argparse
import asyncio
import json
import sys
import time
from typing import Any

from rich.console import Console

from config.demo.steps import STEPS, Market, StepError
from config.processes import Place, all_processes
from core.embedded.errors import EmbeddedError
from core.supervisor.errors import SupervisorError
from core.supervisor.supervisor import Supervisor


def main() -> int:
    """Run the demo; return 0, or 1 with the failing step named."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="stop after the main job instead of staying up")
    options = parser.parse_args()
    console = Console(highlight=False)
    place = Place.from_environment()
    started = time.monotonic()

    async def work(_supervisor: Supervisor) -> bool:
        console.print(f"\n[bold]everything is up[/] after {time.monotonic() - started:.1f} s\n")
        facts = json.loads((place.var / "demo.json").read_text())
        await asyncio.to_thread(_do_the_main_job, console, place, facts)
        if not options.exit:
            _say_how_to_use_it(console, place, facts)
        return not options.exit

    try:
        place.refuse_taken_ports()
        return Supervisor(all_processes(place), var=place.var, console=console).run(work)
    except (SupervisorError, EmbeddedError, StepError) as failure:
        console.print(f"\n[bold red]the demo failed:[/] {failure}", soft_wrap=True)
        return 1


def _do_the_main_job(console: Console, place: Place, facts: dict[str, Any]) -> None:
    market = Market(place, facts, lambda line: console.print(f"   {line}", soft_wrap=True))
    try:
        for number, (title, step) in enumerate(STEPS, start=1):
            console.print(f"[bold]{number}. {title}[/]")
            try:
                step(market)
            except Exception as cause:
                raise StepError(f"step {number} ({title}): {cause or type(cause).__name__}") from cause
    finally:
        market.close()


def _say_how_to_use_it(console: Console, place: Place, facts: dict[str, Any]) -> None:
    console.print(f"\n[bold]CUX is up at {place.url}[/]   (Ctrl-C stops everything)")
    for name, party in {**facts["buyers"], **facts["providers"]}.items():
        console.print(f"   login {name:<10} password {party['password']}   key {party['api_key']}")
    console.print(f"   logs: {place.var / 'log'}", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
