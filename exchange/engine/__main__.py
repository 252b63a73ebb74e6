"""Speak the JSON-lines protocol on standard input and output."""

from exchange.engine.protocol import serve

if __name__ == "__main__":
    with open(0, "rb", closefd=False) as commands, open(1, "wb", closefd=False) as events:
        serve(commands, events)
