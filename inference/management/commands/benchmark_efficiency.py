"""`manage.py benchmark_efficiency`: how much of a generated test an endpoint gets right per PFLOP."""

import asyncio
import json
import os
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any, Final

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.clock import rfc3339, utc_now
from core.commit import code_commit
from core.embedded.paths import var_directory
from cux.wire.card import CardError, ComputeCard
from cux.wire.efficiency import Bounds, EfficiencyEntry
from inference.benchmarking.cards import card_from_file, with_layers
from inference.benchmarking.endpoint import Endpoint, EndpointError
from inference.benchmarking.questions import questions_drawn
from inference.benchmarking.recompute import CannotRecomputeError
from inference.benchmarking.replies import OtherRunError, RepliesFile
from inference.benchmarking.run import Asking
from inference.efficiency.endpoint import Run, entry_of
from inference.models import CatalogueModel
from inference.services.efficiency_publish import Origin, efficiency_publish

_EXAMPLES: Final = """
Examples:
  a catalogue model, through this exchange:
    CUX_API_KEY=… manage.py benchmark_efficiency --model smollm2-135m-instruct
  any endpoint, by its model's config.json:
    OPENAI_API_KEY=… manage.py benchmark_efficiency --base-url http://gpu:8000/v1 --model Qwen/Qwen3-0.6B \\
      --card config.json --api-key-env OPENAI_API_KEY --instruction "Reply with the answer only."
  a depth tier that a vLLM of one's own serves:
    manage.py benchmark_efficiency --base-url http://127.0.0.1:8100/v1 --model reasoner-20 \\
      --catalogue reasoner-135m --layers 20 --name "reasoner at 20 layers"

  and on this exchange's leaderboard (/efficiency), with who ran it and on what:
    manage.py benchmark_efficiency … --publish --run-by "Northwind" --machine "one H100, vLLM 0.33"

A run that was cut off goes on where it was when it is started again with the same options; one that is
complete asks nothing again, and can be published later.
"""
_BARS: Final = 20


class Command(BaseCommand):
    """Asks generated questions of graded difficulty, and counts FLOPs in closed form from token counts."""

    help = "Score an OpenAI-compatible endpoint, or a catalogue model, on score per PFLOP." + _EXAMPLES

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Keep the lines of the examples."""
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take whom to ask, by which card to count, and what to ask."""
        add = parser.add_argument
        add("--model", required=True, help="as the endpoint names it")
        add("--base-url", help="ends in /v1; this exchange if not given")
        add("--api-key-env", default="CUX_API_KEY", help="variable that holds the key (CUX_API_KEY)")
        add("--card", type=Path, help="a compute card, or the model's config.json")
        add("--catalogue", help="count by this catalogue model's card (the model's own name)")
        add("--layers", type=int, help="the endpoint runs this many of the card's layers")
        add("--name", help="the entry's name (the model's)")
        add("--families", choices=("all", "trained", "unseen"), default="all", help="of questions (all)")
        add("--per-cell", type=int, default=4, help="questions of each family and level (4)")
        add("--seed", type=int, default=1, help="which questions (1)")
        add("--instruction", default="", help="put after each question, on a line of its own")
        add("--max-tokens", type=int, default=256, help="longest reply (256)")
        add("--request", default="{}", help="more fields of the request, as a JSON object")
        add("--concurrency", type=int, default=4, help="questions at once (4)")
        add("--out", type=Path, help="replies as lines; the result beside it as .json")
        add("--publish", action="store_true", help="put the result on this exchange's leaderboard")
        add("--run-by", default="", help="who ran it, as the leaderboard says it")
        add("--machine", default="", help="what the engine ran on, as the leaderboard says it")
        add("--commit", help="of this code (the working copy's)")

    def handle(self, **options: Any) -> None:
        """Ask, then write and print the result."""
        for name in ("per_cell", "concurrency", "max_tokens"):
            if options[name] < 1:
                raise CommandError(f"--{name.replace('_', '-')} is at least 1")
        card = _card(options)
        run = _run(options, card)
        origin = _origin(options) if options["publish"] else None
        path = options["out"] or var_directory() / "efficiency" / f"{_file_name(run.name)}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with RepliesFile(path, run) as kept:
                self._ask(run, card, kept, os.environ.get(options["api_key_env"], ""))
                entry = entry_of(run, kept.replies, measured_at=rfc3339(utc_now()))
                if origin is not None:
                    efficiency_publish(run=run, card=card, replies=kept.replies, origin=origin, now=utc_now())
        except (OtherRunError, EndpointError, CannotRecomputeError) as error:
            raise CommandError(str(error)) from error
        result = path.with_suffix(".json")
        result.write_bytes(msgspec.json.format(msgspec.json.encode(entry)) + b"\n")
        self.stdout.write(_told(entry) + f"\nreplies: {path}\nresult:  {result}")
        if origin is not None:
            self.stdout.write(f"published at {settings.EXCHANGE_URL}/efficiency")

    def _ask(self, run: Run, card: ComputeCard, kept: RepliesFile, api_key: str) -> None:
        asked = questions_drawn(seed=run.seed, per_cell=run.per_cell, families=run.families)
        if kept.replies:
            self.stderr.write(f"going on after {len(kept.replies)} of {len(asked)} replies")
        endpoint = Endpoint(run.base_url, run.model, api_key, json.loads(run.request))
        asking = Asking(
            endpoint=endpoint,
            card=card,
            questions=asked,
            instruction=run.instruction,
            kept=kept,
            concurrency=run.concurrency,
            progress=lambda: self._progress(len(kept.replies), len(asked)),
        )
        asyncio.run(asking.run())
        if asking.failed:
            why, _ = asking.failed.most_common(1)[0]
            raise EndpointError(
                f"{asking.failed.total()} of {len(asked)} questions got no answer; most often: {why} "
                "Start it again with the same options: only these are asked again."
            )

    def _progress(self, done: int, of: int) -> None:
        if done == of or done % max(1, of // _BARS) == 0:
            self.stderr.write(f"{done:>6} of {of} questions answered")


def _card(options: dict[str, Any]) -> ComputeCard:
    try:
        if options["card"]:
            card = card_from_file(options["card"], model=options["model"])
        else:
            name = options["catalogue"] or options["model"]
            listed = CatalogueModel.objects.filter(name=name).first()
            if listed is None:
                raise CommandError(
                    f"{name!r} is not in the catalogue, so its FLOPs cannot be counted: name a file with "
                    "--card (its config.json will do), or a catalogue model with --catalogue."
                )
            card = ComputeCard.from_payload(listed.card)
        return with_layers(card, options["layers"]) if options["layers"] else card
    except (CardError, OSError) as error:
        raise CommandError(f"no compute card: {error}") from error


def _origin(options: dict[str, Any]) -> Origin:
    """Return who ran it on what. Raises CommandError: what may not be left out when it is published."""
    origin = Origin(
        run_by=options["run_by"].strip(),
        machine=options["machine"].strip(),
        commit=code_commit() if options["commit"] is None else options["commit"].strip(),
    )
    for name, most in (("run_by", 80), ("machine", 120), ("commit", 40)):
        if not 1 <= len(getattr(origin, name)) <= most:
            raise CommandError(f"--publish needs --{name.replace('_', '-')}, of at most {most} characters")
    return origin


def _run(options: dict[str, Any], card: ComputeCard) -> Run:
    try:
        request = json.loads(options["request"])
    except ValueError as error:
        raise CommandError(f"--request is not JSON: {error}") from error
    if not isinstance(request, dict):
        raise CommandError("--request is a JSON object")
    return Run(
        name=options["name"] or options["model"],
        base_url=options["base_url"] or f"{settings.EXCHANGE_URL}/v1",
        model=options["model"],
        card_hash=card.card_hash,
        families=options["families"],
        seed=options["seed"],
        per_cell=options["per_cell"],
        instruction=options["instruction"],
        request=json.dumps({"max_tokens": options["max_tokens"]} | request, sort_keys=True),
        concurrency=options["concurrency"],
    )


def _file_name(name: str) -> str:
    return "".join(each if each.isalnum() or each in "-." else "_" for each in name)


def _told(entry: EfficiencyEntry) -> str:
    """Return the result for people."""
    lines = [
        f"{entry.name}: {entry.questions} questions, seed {entry.seed}",
        f"score on the 70/20/10 mix   {_between(entry.score_ppm, 10_000)} %",
        f"compute a question          {entry.flops_mean / 1e9:,.3f} GFLOP",
        f"score per PFLOP             {_between(entry.score_per_pflop_milli, 1_000)}",
        "stratum  questions  score    GFLOP  tokens out  p50 ms  p95 ms",
    ]
    lines += [
        f"{each.stratum:<7}  {each.questions:>9}  {each.score_ppm.value / 1e4:>5.1f}  "
        f"{each.flops_mean / 1e9:>7,.2f}  {(each.output_tokens_mean_milli or 0) / 1e3:>10,.1f}  "
        f"{each.latency_p50_ms:>6}  {each.latency_p95_ms:>6}"
        for each in entry.strata
    ]
    return "\n".join(lines)


def _between(bounds: Bounds, unit: int) -> str:
    value, low, high = (each / unit for each in (bounds.value, bounds.low, bounds.high))
    return f"{value:,.1f} [{low:,.1f}, {high:,.1f}]"
