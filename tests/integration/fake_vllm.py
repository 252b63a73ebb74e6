"""A program shaped like a vLLM server: answers /health, and has an engine process that outlives it.

`fake_vllm.py PORT PIDS MODE`: writes its pid and its engine's to PIDS. MODE is `serve`, `crash` (ends at once
with an explanation), `deaf` (never answers) or `stubborn` (serves, and ignores SIGTERM).
"""

import http.server
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class Health(http.server.BaseHTTPRequestHandler):
    """Answers every GET with 200."""

    def do_GET(self) -> None:
        """Say that all is well."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Stay quiet."""


def main(port: int, pids: Path, mode: str) -> None:
    """Do what `mode` says."""
    if mode == "crash":
        sys.exit("ValueError: no memory for the KV cache")
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    engine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    draft = pids.with_suffix(".draft")
    draft.write_text(f"{os.getpid()} {engine.pid}")
    draft.rename(pids)
    if mode == "deaf":
        time.sleep(600)
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Health).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
