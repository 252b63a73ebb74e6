"""`cux candles` and `cux index`: prices over time. No key is needed."""

from itertools import islice
from typing import Annotated

import typer

from cux.cli.figures import cu, moment, usd
from cux.cli.root import command
from cux.cli.session import Session, grid
from cux.wire.market import CandleInterval, IndexView


def register(app: typer.Typer) -> None:
    """Add both to the root."""
    command(app, "candles", example="cux candles smollm2-135m.cpu-spot --interval 1h")(candles)
    command(app, "index", example="cux index smollm2-135m.cpu")(index)


def candles(
    session: Session,
    instrument: Annotated[str, typer.Argument(help="The instrument, such as smollm2-135m.cpu-spot.")],
    interval: Annotated[CandleInterval, typer.Option(help="How long each is.")] = "1m",
    start: Annotated[str | None, typer.Option(help="From when, such as 2026-11-23T08:00:00Z.")] = None,
    end: Annotated[str | None, typer.Option(help="Until when; now if absent.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Only so many, the newest.")] = 20,
) -> None:
    """Show what printed trades did to the price, oldest first."""
    rows = session.client.candle_list(instrument, interval=interval, start=start, end=end)[-limit:]
    columns = ["start (UTC)", ">open", ">high", ">low", ">close", ">lots", ">turnover", ">trades"]
    session.show(
        rows,
        lambda: grid(
            None,
            columns,
            [
                [
                    moment(row.start_at),
                    *(
                        f"{ticks:,}"
                        for ticks in (row.open_ticks, row.high_ticks, row.low_ticks, row.close_ticks)
                    ),
                    f"{row.volume_lots:,}",
                    usd(row.turnover_nano_usd),
                    f"{row.trades:,}",
                ]
                for row in rows
            ],
        ),
    )


def index(
    session: Session,
    code: Annotated[
        str | None,
        typer.Argument(help="A compute class, or `overall`: its history. None: all, newest value."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many values of a history, newest first.")] = 20,
) -> None:
    """Show the CU price index, in dollars per compute unit."""
    client = session.client
    if code is None:
        rows = client.index_list()
    else:
        rows = list(islice(client.index_history(code, page_size=min(limit, 200)), limit))
    columns = ["at (UTC)", "index", ">USD per CU", "method", ">trades", ">dropped", ">compute"]
    session.show(rows, lambda: grid(None, columns, [_value(row) for row in rows]))


def _value(row: IndexView) -> list[str]:
    return [
        moment(row.at),
        row.code,
        usd(row.nano_usd_per_cu),
        row.method,
        f"{row.trades:,}",
        f"{row.dropped:,}",
        cu(row.volume_ucu),
    ]
