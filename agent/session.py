"""What running and measuring share: the enrolment, a line to the exchange, the engines on their way."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agent import vllm
from agent.backoff import Backoff
from agent.bench import measure
from agent.config import Config, EngineConfig
from agent.device import DeviceMeasurement
from agent.engine import AttachedEngine, Engine, OwnEngine
from agent.engine_client import EngineClient, EngineError
from agent.exchange import Exchange
from agent.llama_cpp import LlamaCppClient
from agent.served import Served
from agent.state import Enrolment, MeasurementRecord, State
from agent.text_engine import TextEngineClient, load_tokenizer
from agent.transport import RefusedError, Transport, TransportError
from cux.wire.agent import Measurement
from cux.wire.card import CardError, ComputeCard
from cux.wire.gate import implausible

log = logging.getLogger("cux.agent")


class AgentError(Exception):
    """The agent can not go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Session:
    """An enrolled agent whose engines are on their way."""

    state: State
    enrolment: Enrolment
    exchange: Exchange
    served: list[Served]
    engine_tasks: list[asyncio.Task[None]]

    async def measure(
        self, one: Served, seconds: int, device: DeviceMeasurement | None = None
    ) -> Measurement:
        """Measure an engine, which must be ready, and remember what came out, with its device's figures.

        With those, one caller is measured too. Raises EngineError: not ready, failed, or not to be believed.
        """
        if one.engine.client is None:
            raise EngineError("engine_failed", f"{one.name} is not ready")
        measurement = await measure(one.engine.client, one.card, slots=one.slots, seconds=seconds)
        if device is not None:
            alone = await measure(one.engine.client, one.card, slots=1, seconds=max(1, seconds // 2))
            measurement = msgspec.structs.replace(
                measurement,
                single_tokens_per_second=alone.tokens_per_second,
                flops_per_second=device.flops_per_second,
                memory_mib=device.memory_mib,
            )
        if reason := implausible(measurement, one.card):
            raise EngineError("engine_failed", reason)
        record = MeasurementRecord(card_hash=one.card.card_hash, measurement=measurement)
        self.state.write_measurement(one.name, record)
        log.info(
            "%s: measured %d tokens/s, %d µCU/s",
            one.name,
            measurement.tokens_per_second,
            measurement.ucu_per_second,
        )
        return measurement

    def is_measured(self, one: Served) -> bool:
        """Whether the engine was measured under the card that its model is sold under now."""
        record = self.state.measurements().get(one.name)
        return record is not None and record.card_hash == one.card.card_hash

    def capacity(self, model: str) -> Measurement:
        """What the engines of a model that were measured deliver together; at least one was."""
        records = self.state.measurements()
        parts = [
            records[one.name].measurement
            for one in self.served
            if one.card.model == model and self.is_measured(one)
        ]
        return Measurement(
            model=model,
            tokens_per_second=sum(part.tokens_per_second for part in parts),
            ucu_per_second=sum(part.ucu_per_second for part in parts),
            seconds=max(part.seconds for part in parts),
            single_tokens_per_second=max(part.single_tokens_per_second for part in parts),
            flops_per_second=_sum_or_none([part.flops_per_second for part in parts]),
            memory_mib=_sum_or_none([part.memory_mib for part in parts]),
        )


def _sum_or_none(figures: list[int]) -> int:
    """The sum of the engines' figures; 0, not measured, where one of them was not."""
    return sum(figures) if all(figures) else 0


@asynccontextmanager
async def open_session(config: Config) -> AsyncIterator[Session]:
    """Hold the state directory, and run the engines, which load while the exchange is asked for the cards.

    Raises AgentError, ConfigError, StateError.
    """
    state = State(Path(config.state))
    enrolment = state.enrolment()
    if enrolment is None:
        raise AgentError(f"not enrolled ({state.directory}): run `cux-agent enrol` first")
    models = [_model(engine, engine.model or config.model, enrolment) for engine in config.engine]
    names = engine_names(config, models)
    engines = [
        _engine(settings, model, settings.slots or config.slots, state.directory / _log_name(name, names))
        for settings, model, name in zip(config.engine, models, names, strict=True)
    ]
    url = config.exchange or enrolment.exchange
    with state.locked():
        state.clear_status()
        running = [asyncio.create_task(engine.run()) for engine in engines]
        try:
            async with Transport(url, token=enrolment.response.api_key) as transport:
                exchange = Exchange(transport)
                cards = {model: await _card(model, exchange) for model in dict.fromkeys(models)}
                served = [
                    Served(name, engine, cards[model], settings.slots or config.slots)
                    for name, engine, model, settings in zip(
                        names, engines, models, config.engine, strict=True
                    )
                ]
                for settings, one in zip(config.engine, served, strict=True):
                    _check_checkpoint(settings, one.card)
                yield Session(state, enrolment, exchange, served, running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


def engine_names(config: Config, models: list[str]) -> list[str]:
    """What the engines are called: as configured, or by model, numbered where there are several."""
    several = len(config.engine) > 1
    names = [
        engine.name or (f"{model}-{number}" if several else model)
        for number, (engine, model) in enumerate(zip(config.engine, models, strict=True), 1)
    ]
    if len(set(names)) != len(names):
        raise AgentError(f"engines need names of their own: {', '.join(names)}")
    return names


def _log_name(name: str, names: list[str]) -> str:
    return "engine.log" if len(names) == 1 else f"engine-{name.replace('/', '_')}.log"


def _model(settings: EngineConfig, wanted: str, enrolment: Enrolment) -> str:
    """The model an engine serves: the one named, or the only one there is, or the one its directory holds."""
    models = enrolment.response.models
    model = wanted or (models[0] if len(models) == 1 else "")
    if not model and (stated := vllm.manifest(settings)):
        model = stated["model_id"]
    if model not in models:
        raise AgentError(f"choose a model with --model; the exchange allows: {', '.join(models) or 'none'}")
    return model


async def _card(model: str, exchange: Exchange) -> ComputeCard:
    """The card that a model is sold under; waits for the exchange."""
    backoff = Backoff()
    while True:
        try:
            return await exchange.card(model)
        except TransportError as error:
            log.warning("waiting for the exchange: %s", error)
            await asyncio.sleep(backoff.next_s())
        except (RefusedError, CardError) as error:
            raise AgentError(f"no compute card of {model}: {error}") from error


def _check_checkpoint(settings: EngineConfig, card: ComputeCard) -> None:
    """Raise AgentError unless the checkpoint, as far as it is served, is the one on sale."""
    stated = vllm.manifest(settings)
    if stated and stated["revision"] != card.revision:
        raise AgentError(
            f"{settings.model_path} holds revision {stated['revision']} of {card.model}, "
            f"sold is {card.revision}"
        )
    layers = vllm.layers(settings)
    if layers not in (None, card.layers):
        raise AgentError(f"{card.model} is sold with {card.layers} layers: set engine.layers, it is {layers}")


def _client(settings: EngineConfig, model: str) -> EngineClient:
    """How to speak to an engine that runs already."""
    if settings.api == "llama.cpp":
        return LlamaCppClient(settings.url, model=model)
    if settings.api == "vllm":
        return EngineClient(settings.url, model=model)
    try:
        tokenizer, end_id = load_tokenizer(Path(settings.model_path))
    except ValueError as error:
        raise AgentError(f"engine.model_path: {error}") from error
    return TextEngineClient(settings.url, model=model, tokenizer=tokenizer, end_id=end_id)


def _engine(settings: EngineConfig, model: str, slots: int, log_path: Path) -> Engine:
    if settings.url:
        return AttachedEngine(_client(settings, model), model=model)
    vllm.check(settings)

    def command() -> tuple[list[str], str]:
        port = vllm.free_port()
        arguments = vllm.command(settings, model=model, slots=slots, port=port)
        return arguments, f"http://{vllm.HOST}:{port}"

    return OwnEngine(
        command,
        model=model,
        environment=vllm.environment(settings, os.environ),
        log_path=log_path,
        start_s=settings.start_s,
    )
