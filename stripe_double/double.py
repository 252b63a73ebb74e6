"""The double as a whole: state, runner, pages and API on one socket."""

import asyncio
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stripe_double.app import make_app
from stripe_double.runner import Runner
from stripe_double.serving import listen, serve
from stripe_double.state_file import StateFile
from stripe_double.world import World


@dataclass
class Double:
    """One Stripe: give it a listening socket and run it, in the main thread or in one of its own."""

    listener: socket.socket
    world: World = field(default_factory=World)
    state_file: Path | None = None
    # Where people reach the pages, if not where the API is asked.
    public_url: str | None = None

    async def run(self) -> None:
        """Serve until cancelled; with a state file, go on where the last run stopped."""
        if self.state_file and self.state_file.exists():
            endpoints = self.world.endpoints
            self.world.load(self.state_file.read_text())
            self.world.endpoints = endpoints or self.world.endpoints
        runner = Runner(self.world, StateFile(self.world, self.state_file))
        app = make_app(self.world, runner, self.public_url)
        # Together: without the one the other is no Stripe.
        async with asyncio.TaskGroup() as both:
            both.create_task(runner.forever())
            both.create_task(serve(app, self.listener))


class DoubleThread:
    """A double in a thread of this process, on a free port of loopback."""

    def __init__(self, world: World | None = None) -> None:
        self._double = Double(listen("127.0.0.1", 0), world or World())
        self.url = f"http://127.0.0.1:{self._double.listener.getsockname()[1]}"
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="stripe-double", daemon=True)

    def start(self) -> None:
        """Start serving; the socket listens already, so requests wait until it does."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait until it has."""
        self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._task = self._loop.create_task(self._double.run())
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)
        self._loop.close()
