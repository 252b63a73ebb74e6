"""`cux chat`: ask a model, see the answer as it is made, and what it cost."""

import sys
from collections import Counter
from contextlib import suppress
from typing import Annotated

import msgspec
import typer

from cux.cli.exits import UsageError
from cux.cli.figures import cu, usd
from cux.cli.root import command
from cux.cli.session import Session
from cux.client.errors import PermissionDeniedError
from cux.client.options import ChatOptions
from cux.client.views import Usage


def register(app: typer.Typer) -> None:
    """Add `chat` to the root."""
    command(app, "chat", example='cux chat "Name three prime numbers." --max-tokens 40')(chat)


def chat(
    session: Session,
    prompt: Annotated[str, typer.Argument(help="The question; `-` reads it from stdin.")],
    model: Annotated[str | None, typer.Option(help="The model; else one you hold compute for.")] = None,
    system: Annotated[str | None, typer.Option(help="How the model is to behave.")] = None,
    stream: Annotated[bool, typer.Option(help="Print the answer as it is made.")] = True,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="At most so many tokens.")] = None,
    max_compute_ucu: Annotated[
        int | None, typer.Option(min=1, help="At most so much compute, in µCU (millionths of a CU).")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(min=0, max=2, help="0 is the most likely answer.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed repeats an answer.")] = None,
    quality: Annotated[
        str | None,
        typer.Option(help="Of a ladder: `auto`, or the chance of being right that is asked for (0 to 1)."),
    ] = None,
    value_usd: Annotated[
        float | None, typer.Option(min=0, help="Of a ladder: what a right answer is worth, in US dollars.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="What it is for, as `cux usage` groups it.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Repeat a command under the same key: it is done once.")
    ] = None,
) -> None:
    """Ask a model. The answer goes to stdout, what it used and cost to stderr; with --json all to stdout."""
    question = sys.stdin.read() if prompt == "-" else prompt
    if not question.strip():
        raise UsageError("the question is empty; nothing was asked")  # it would be answered, and billed
    turns = [{"role": "system", "content": system}] if system else []
    turns.append({"role": "user", "content": question})
    options: ChatOptions = {
        "max_tokens": max_tokens,
        "max_compute_ucu": max_compute_ucu,
        "temperature": temperature,
        "seed": seed,
        "quality": _quality(quality),
        "value_usd": value_usd,
        "tag": tag,
    }
    asked = model or model_to_ask(session)
    if stream:
        _stream(session, asked, turns, idempotency_key, options)
        return
    whole = session.client.chat(asked, turns, idempotency_key=idempotency_key, **options)
    session.line(msgspec.json.encode(whole) if session.as_json else whole.text)
    say_usage(session, whole.usage)


def model_to_ask(session: Session) -> str:
    """Return the model that the caller holds most compute for, else the exchange's first.

    Raises UsageError if it has none.
    """
    models = session.client.model_list()
    if not models:
        raise UsageError("the exchange offers no model; name one with --model")
    held: Counter[str] = Counter()
    with suppress(PermissionDeniedError):  # a key that may ask need not be one that may read
        for row in session.client.entitlement_list(live_only=True):
            held[row.compute_class] += row.available_ucu
    return max(models, key=lambda model: held[model.cux.get("compute_class", "")]).id


def _quality(text: str | None) -> float | str | None:
    """Return a quality as a body has it. Raises UsageError for what is neither `auto` nor a number."""
    if text is None or text == "auto":
        return text
    try:
        return float(text)
    except ValueError:
        raise UsageError("--quality is `auto` or a number from 0 to 1; nothing was asked") from None


def _stream(
    session: Session, model: str, turns: list[dict[str, str]], key: str | None, options: ChatOptions
) -> None:
    usage = None
    for chunk in session.client.chat_stream(model, turns, idempotency_key=key, **options):
        if session.as_json:
            session.line(msgspec.json.encode(chunk))
        elif chunk.text:
            session.write(chunk.text)
        usage = chunk.usage or usage
    if not session.as_json:
        session.line("")
    if usage is not None:
        say_usage(session, usage)


def say_usage(session: Session, usage: Usage) -> None:
    """Say what an answer used and cost."""
    session.say(
        f"{usage.prompt_tokens} + {usage.completion_tokens} tokens · {cu(usage.cux.compute_ucu)} "
        f"of {cu(usage.cux.quote_ucu)} quoted · {usd(usage.cux.cost_nano_usd)}"
    )
    for each in usage.cux.tranches:
        session.say(f"{each.rung}: {cu(each.compute_ucu)} · {each.why} · {each.found}")
    session.say(f"receipt: cux receipt verify {usage.cux.job_id}")
