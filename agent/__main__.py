"""`python -m agent`: the same commands as `cux-agent`."""

from agent.cli import app

app(prog_name="cux-agent")
