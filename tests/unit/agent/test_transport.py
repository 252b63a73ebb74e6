"""What the agent says of a refusal."""

import asyncio
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from agent.transport import RefusedError, Transport


class Refusal(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        error = {"code": "invalid_field", "message": "Expected more.", "param": "token"}
        body = json.dumps({"error": error}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_a_refusal_names_the_field_that_was_wrong() -> None:
    async def ask(origin: str) -> None:
        async with Transport(origin) as exchange:
            await exchange.get("/")

    with HTTPServer(("127.0.0.1", 0), Refusal) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(RefusedError) as refused:
            asyncio.run(ask(f"http://127.0.0.1:{server.server_port}"))
        server.shutdown()
    assert str(refused.value) == "invalid_field (400): Expected more. In: token"
