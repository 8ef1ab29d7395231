"""Land what feeds delivered: spark-submit jobs/land.py --days 2013-12-01..2013-12-07 --feed weather"""

from pathlib import Path
from typing import Annotated

import typer
from headrace.days import DayRange
from headrace.stages import job
from headrace.stages.land import land_feeds


def main(
    days: Annotated[str, typer.Option()],
    feed: Annotated[list[str] | None, typer.Option()] = None,
    env: str = "",
    conf: Path | None = None,
    root: str = "",
) -> None:
    land_feeds(job.job(env, conf, root), DayRange.parse(days), feed or [])


if __name__ == "__main__":
    job.end(lambda: typer.run(main))
