"""What the commands do: enrol, measure, run. Everything that is wrong ends in an AgentError that says so."""

import asyncio
import logging
import os
import platform
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agent import __version__, vllm
from agent.backoff import Backoff
from agent.bench import measure
from agent.config import Config
from agent.daemon import Daemon
from agent.engine import AttachedEngine, Engine, OwnEngine
from agent.engine_client import EngineError
from agent.exchange import Exchange, enrol
from agent.runner import Identity
from agent.state import Enrolment, MeasurementRecord, State
from agent.transport import RefusedError, Transport, TransportError
from cux.wire.agent import EnrolRequest, Measurement
from cux.wire.card import CardError, ComputeCard

log = logging.getLogger("cux.agent")

HEARTBEAT_LEAST_S = 1


class AgentError(Exception):
    """The agent can not go on; the message says why and what to do."""


async def enrol_provider(config: Config, token: str) -> Enrolment:
    """Enrol with a single-use token and keep what the exchange answers; the key is made before."""
    if not config.exchange:
        raise AgentError("no exchange: give --exchange or set it in the configuration file")
    state = State(Path(config.state))
    request = EnrolRequest(
        token=token,
        public_key=state.signing_key().public.hex(),
        name=config.name or platform.node() or "provider",
        agent_version=__version__,
        hardware=hardware(),
    )
    try:
        response = await enrol(config.exchange, request)
    except (TransportError, RefusedError) as error:
        raise AgentError(f"enrolment failed: {error}") from error
    enrolment = Enrolment(exchange=config.exchange, response=response)
    state.write_enrolment(enrolment)
    return enrolment


async def run_agent(config: Config) -> None:
    """Serve until SIGTERM or SIGINT, then drain. Raises AgentError, NotWelcomeError."""
    main = asyncio.current_task()
    assert main is not None
    _on_stop_signal(main.cancel)
    try:
        async with _session(config) as session:
            daemon = _daemon(config, session)
            _on_stop_signal(daemon.stop)
            await daemon.run(session.engine_task)
    except asyncio.CancelledError:
        log.info("stopped before any lease was claimed")


def _on_stop_signal(act: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, act)


def _daemon(config: Config, session: "_Session") -> Daemon:
    async def measure_once() -> None:
        record = session.state.measurement()
        if config.measure_s and (record is None or record.card_hash != session.card.card_hash):
            await session.report(await session.measure(config.slots, config.measure_s))

    enrolment = session.enrolment.response
    return Daemon(
        exchange=session.exchange,
        engine=session.engine,
        identity=Identity(enrolment.provider_id, session.state.signing_key()),
        card=session.card,
        state=session.state,
        slots=config.slots,
        heartbeat_s=max(HEARTBEAT_LEAST_S, enrolment.heartbeat_s),
        claim_wait_s=config.claim_wait_s,
        drain_s=config.drain_s,
        prepare=measure_once,
    )


async def run_bench(config: Config, *, seconds: int, report: bool) -> Measurement:
    """Start the engine, measure it, stop it; with `report` send the result. Raises AgentError."""
    async with _session(config) as session:
        await session.engine.ready.wait()
        try:
            measurement = await session.measure(config.slots, seconds)
            if report:
                await session.report(measurement)
        except (EngineError, TransportError, RefusedError) as error:
            raise AgentError(f"not measured: {error}") from error
        return measurement


@dataclass(frozen=True, slots=True)
class _Session:
    """What running and measuring share: the enrolment, a line to the exchange, an engine on its way."""

    state: State
    enrolment: Enrolment
    exchange: Exchange
    engine: Engine
    engine_task: asyncio.Task[None]
    card: ComputeCard

    async def measure(self, slots: int, seconds: int) -> Measurement:
        """Measure the engine, which must be ready."""
        if self.engine.client is None:
            raise EngineError("engine_failed", "the engine is not ready")
        return await measure(self.engine.client, self.card, slots=slots, seconds=seconds)

    async def report(self, measurement: Measurement) -> None:
        """Send a measurement, and remember it."""
        await self.exchange.measured(measurement)
        record = MeasurementRecord(card_hash=self.card.card_hash, measurement=measurement)
        self.state.write_measurement(record)
        log.info("measured %d tokens/s, %d µCU/s", measurement.tokens_per_second, measurement.ucu_per_second)


@asynccontextmanager
async def _session(config: Config) -> AsyncIterator[_Session]:
    """Hold the state directory, and run the engine, which loads while the exchange is asked for the card."""
    state = State(Path(config.state))
    enrolment = state.enrolment()
    if enrolment is None:
        raise AgentError(f"not enrolled ({state.directory}): run `cux-agent enrol` first")
    model = _model(config, enrolment)
    engine = _engine(config, model, state)
    url = config.exchange or enrolment.exchange
    with state.locked():
        state.clear_status()
        running = asyncio.create_task(engine.run())
        try:
            async with Transport(url, token=enrolment.response.api_key) as transport:
                exchange = Exchange(transport)
                card = await _card(config, model, exchange)
                yield _Session(state, enrolment, exchange, engine, running, card)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def _model(config: Config, enrolment: Enrolment) -> str:
    models = enrolment.response.models
    model = config.model or (models[0] if len(models) == 1 else "")
    if model not in models:
        raise AgentError(f"choose a model with --model; the exchange allows: {', '.join(models) or 'none'}")
    return model


async def _card(config: Config, model: str, exchange: Exchange) -> ComputeCard:
    """The card of the model, which must be the model that lies on this host; waits for the exchange."""
    backoff = Backoff()
    while True:
        try:
            card = await exchange.card(model)
            break
        except TransportError as error:
            log.warning("waiting for the exchange: %s", error)
            await asyncio.sleep(backoff.next_s())
        except (RefusedError, CardError) as error:
            raise AgentError(f"no compute card of {model}: {error}") from error
    revision = vllm.model_revision(config.engine)
    if revision not in (None, card.revision):
        raise AgentError(
            f"{config.engine.model_path} holds revision {revision} of {model}, sold is {card.revision}"
        )
    return card


def _engine(config: Config, model: str, state: State) -> Engine:
    if config.engine.url:
        return AttachedEngine(config.engine.url, model=model)
    vllm.check(config.engine)

    def command() -> tuple[list[str], str]:
        port = vllm.free_port()
        arguments = vllm.command(config.engine, model=model, slots=config.slots, port=port)
        return arguments, f"http://{vllm.HOST}:{port}"

    return OwnEngine(
        command,
        model=model,
        environment=vllm.environment(config.engine, os.environ),
        log_path=state.directory / "engine.log",
        start_s=config.engine.start_s,
    )


def hardware() -> str:
    """What this host is, in words: architecture, cores, and the NVIDIA GPUs that the driver lists."""
    found = [platform.machine(), f"{os.cpu_count()} cores"]
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        found += [line.split(":", 1)[1].strip() for line in path.read_text().splitlines() if "Model:" in line]
    return ", ".join(found)[:1_024]
