"""What the commands do: enrol, measure, run. Everything that is wrong ends in an AgentError that says so."""

import asyncio
import logging
import os
import platform
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from agent import __version__
from agent.config import Config
from agent.daemon import Daemon
from agent.device import measure_device
from agent.engine_client import EngineError
from agent.exchange import enrol
from agent.offering import Offering
from agent.runner import Identity
from agent.served import Served
from agent.session import AgentError, Session, open_session
from agent.state import Enrolment, State
from agent.transport import RefusedError, TransportError
from cux.client import AsyncClient
from cux.wire.agent import EnrolRequest, Measurement

log = logging.getLogger("cux.agent")

HEARTBEAT_LEAST_S = 1


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
        async with open_session(config) as session, _offering(config, session) as offering:
            daemon = _daemon(config, session, offering)
            _on_stop_signal(daemon.stop)
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, daemon.look)
            await daemon.run(session.engine_tasks)
    except asyncio.CancelledError:
        log.info("stopped before any lease was claimed")


def _on_stop_signal(act: Callable[[], object]) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, act)


@asynccontextmanager
async def _offering(config: Config, session: Session) -> AsyncIterator[Offering | None]:
    """What keeps the offers in the book, where there are policies for it."""
    if not config.pricing.offer:
        yield None
        return
    key = trading_key(config)
    async with AsyncClient(config.exchange or session.enrolment.exchange, key) as client:
        yield Offering(client, session.exchange, session.served, config.pricing.offer, config.pricing.every_s)


def trading_key(config: Config) -> str:
    """The organisation's key that may trade. Raises AgentError where there is none."""
    if path := config.pricing.key_file:
        try:
            return Path(path).expanduser().read_text().strip()
        except OSError as error:
            raise AgentError(f"pricing.key_file: can not read {path}: {error.strerror}") from error
    if key := os.environ.get("CUX_AGENT_TRADING_KEY", ""):
        return key
    raise AgentError("pricing: set key_file or CUX_AGENT_TRADING_KEY to a key with the scopes read and trade")


def _daemon(config: Config, session: Session, offering: Offering | None) -> Daemon:
    async def measure_once(one: Served) -> None:
        if config.measure_s and not session.is_measured(one):
            await session.measure(one, config.measure_s)
            await session.exchange.measured(session.capacity(one.card.model))

    enrolment = session.enrolment.response
    return Daemon(
        exchange=session.exchange,
        served=session.served,
        identity=Identity(enrolment.provider_id, session.state.signing_key()),
        state=session.state,
        heartbeat_s=max(HEARTBEAT_LEAST_S, enrolment.heartbeat_s),
        claim_wait_s=config.claim_wait_s,
        drain_s=config.drain_s,
        prepare=measure_once,
        offering=offering,
    )


async def run_bench(config: Config, *, seconds: int, report: bool) -> list[Measurement]:
    """Measure the devices, start the engines, measure them all at once, stop them; with `report` send it all.

    One measurement for each model. Raises AgentError.
    """
    devices = [await asyncio.to_thread(measure_device, engine) for engine in config.engine]
    async with open_session(config) as session:
        await asyncio.gather(*(one.engine.ready.wait() for one in session.served))
        try:
            pairs = zip(session.served, devices, strict=True)
            await asyncio.gather(*(session.measure(one, seconds, device) for one, device in pairs))
            models = dict.fromkeys(one.card.model for one in session.served)
            found = [session.capacity(model) for model in models]
            if report:
                for measurement in found:
                    await session.exchange.measured(measurement)
        except (EngineError, TransportError, RefusedError) as error:
            raise AgentError(f"not measured: {error}") from error
        return found


def hardware() -> str:
    """What this host is, in words: architecture, cores, and the NVIDIA GPUs that the driver lists."""
    found = [platform.machine(), f"{os.cpu_count()} cores"]
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        found += [line.split(":", 1)[1].strip() for line in path.read_text().splitlines() if "Model:" in line]
    return ", ".join(found)[:1_024]
