"""Preflight: everything that must be right before this host can serve, each with the fix for what is not."""

import asyncio
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from agent.config import Config
from agent.doctor_engine import examine_engine
from agent.doctor_host import disk, state_directory
from agent.findings import Finding, ok, problem, warning
from agent.state import Enrolment, State, StateError

REACH_S = 5.0
SKEW_OK_S = 2.0
"""The exchange's clock is told in whole seconds."""
SKEW_MOST_S = 10.0


async def examine(config: Config) -> list[Finding]:
    """Look at everything; what needs an exchange or an enrolment says so where there is none."""
    state = State(Path(config.state))
    findings = [state_directory(state), disk(state.directory)]
    enrolment = None
    try:
        enrolment = state.enrolment()
    except StateError as error:
        findings.append(problem("enrolment", str(error), "remove the file and enrol with a new token"))
    else:
        findings.append(_enrolled(enrolment))
    exchange = config.exchange or (enrolment.exchange if enrolment else "")
    findings += await _exchange(exchange)
    if enrolment is not None:
        findings.append(await _relay(enrolment.response.relay_url))
    for settings in config.engine:
        findings += await asyncio.to_thread(examine_engine, settings, len(config.engine) > 1)
    return findings


def _enrolled(enrolment: Enrolment | None) -> Finding:
    if enrolment is None:
        return problem("enrolment", "not enrolled", "cux-agent enrol --exchange URL --token TOKEN")
    found = enrolment.response
    return ok("enrolment", f"{found.provider_id} at {enrolment.exchange}, for {', '.join(found.models)}")


async def _exchange(url: str) -> list[Finding]:
    """Whether the exchange is reached, and whether its clock and this host's agree."""
    if not url:
        return [problem("exchange", "no address", "give --exchange or set it in the configuration file")]
    started = time.monotonic()
    try:
        async with httpx.AsyncClient(timeout=REACH_S) as client:
            answer = await client.get(f"{url.rstrip('/')}/healthz")
    except httpx.HTTPError as error:
        cause = str(error) or type(error).__name__
        fix = "check the address, DNS, and that outbound connections to it are allowed"
        return [problem("exchange", f"{url} is not reached: {cause}", fix)]
    took_ms = int((time.monotonic() - started) * 1_000)
    if not answer.is_success:
        return [problem("exchange", f"{url} answered {answer.status_code}", "wait, or tell its operator")]
    return [ok("exchange", f"{url} answers in {took_ms} ms"), _clock(answer.headers.get("date", ""))]


def _clock(date: str) -> Finding:
    """Compare the clocks: a lease's deadline is an instant, and this host decides by its own clock."""
    if not date:
        return warning("clock", "the exchange does not tell the time", "keep the clock by NTP")
    skew_s = time.time() - parsedate_to_datetime(date).timestamp()
    found = f"{skew_s:+.1f} s from the exchange's"
    fix = "keep the clock by NTP: timedatectl set-ntp true"
    if abs(skew_s) > SKEW_MOST_S:
        return problem("clock", found, fix)
    return ok("clock", found) if abs(skew_s) <= SKEW_OK_S else warning("clock", found, fix)


async def _relay(url: str) -> Finding:
    """Whether answers can be delivered: any answer counts, since the relay knows only leases."""
    if not url:
        return warning("relay", "its address comes with the first lease", "enrol again to learn it now")
    try:
        async with httpx.AsyncClient(timeout=REACH_S) as client:
            await client.get(url)
    except httpx.HTTPError as error:
        cause = str(error) or type(error).__name__
        return problem(
            "relay", f"{url} is not reached: {cause}", "allow outbound connections to this address"
        )
    return ok("relay", f"{url} answers")
