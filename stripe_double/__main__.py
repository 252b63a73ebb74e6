"""`python -m stripe_double`: run the double until it is stopped."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from stripe_double.double import Double
from stripe_double.serving import listen
from stripe_double.webhooks import add_endpoint
from stripe_double.world import World


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stripe_double",
        description="A double of Stripe for development and tests: the official SDK talks to it with only its"
        " base address changed.",
        epilog="Controls for tests: /_double/clock, chaos, state, reset and more; see docs/stripe-double.md.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, default=8002, help="port to listen on (8002)")
    parser.add_argument("--public-url", help="where people reach its pages, if not where the API is asked")
    parser.add_argument("--webhook-url", help="where events are sent")
    parser.add_argument(
        "--webhook-secret",
        action="append",
        default=[],
        help="what signs them; two while one is being replaced (or $STRIPE_DOUBLE_SECRET)",
    )
    parser.add_argument("--state", type=Path, help="JSON file that keeps the state over a restart")
    return parser.parse_args()


async def _run(double: Double) -> None:
    task = asyncio.create_task(double.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    sys.stdout.write(f"stripe double listens on port {double.listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await asyncio.gather(task, return_exceptions=True)


def main() -> None:
    """Run what the command line asks for."""
    given = _arguments()
    world = World()
    secrets = given.webhook_secret or [os.environ.get("STRIPE_DOUBLE_SECRET", "")]
    if given.webhook_url:
        if not all(secrets):
            raise SystemExit("--webhook-url needs --webhook-secret or $STRIPE_DOUBLE_SECRET.")
        add_endpoint(world, given.webhook_url, secrets)
    listener = listen(given.host, given.port)
    asyncio.run(_run(Double(listener, world, given.state, given.public_url)))


if __name__ == "__main__":
    main()
