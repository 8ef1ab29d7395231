"""Build a table and what it is made from: spark-submit jobs/build.py flights.features --days 2013-12-01..2013-12-07"""

from pathlib import Path
from typing import Annotated

import typer
from headrace.days import DayRange
from headrace.stages import job
from headrace.stages.build import build_tables


def main(
    table: str,
    days: Annotated[str, typer.Option()],
    catch_up: bool = False,
    env: str = "",
    conf: Path | None = None,
    root: str = "",
) -> None:
    build_tables(job.job(env, conf, root), table, DayRange.parse(days), catch_up=catch_up)


if __name__ == "__main__":
    job.end(lambda: typer.run(main))
