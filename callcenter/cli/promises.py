"""`callcenter promises`: how accurate the announced waiting times were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from callcenter.calendar.clock import wall_clock
from callcenter.cli.options import config_option, load
from callcenter.cli.promise_table import COLUMNS, rows, table
from callcenter.cli.question import asked, opened, question_options, run_query
from callcenter.reports.promises import ledger
from callcenter.system.spreadsheet import write_csv


@click.command()
@config_option
@question_options
@click.option("--csv", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write each promise there, too.")
def promises(config_path: Path, file: Path | None, **which: Any) -> None:
    """Compare the announced waits of some days with the real ones.

    P90 HELD: of ten callers nine should be answered within the 90th percentile. KEPT: spoken times that came true.
    BIAS and RMSE: of the mean estimate, over callers who were answered, as shares of their mean wait.
    """
    config = load(config_path)
    question = asked(config, wall_clock(), **which)
    days = question.first, question.last, question.zones

    async def show() -> None:
        async with opened(config) as register:
            click.echo(f"Promises of {question}")
            for line in table(await ledger(register, *days, question.now, question.line)):
                click.echo(line)
            if file is None:
                return
            with file.open("w", encoding="utf-8", newline="") as output:  # noqa: ASYNC230 - nothing else runs here
                written = await write_csv(COLUMNS, rows(register, *days, question.line), output)
            click.echo(f"{written} promises written to {file}")

    run_query(show())
