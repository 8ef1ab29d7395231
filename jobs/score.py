"""Score days with a model's champion: spark-submit jobs/score.py flights.late15 --days 2013-12-01..2013-12-07"""

from pathlib import Path
from typing import Annotated

import typer
from headrace.days import DayRange
from headrace.stages import job
from headrace.stages.score import score_days


def main(
    model: str,
    days: Annotated[str, typer.Option()],
    version: str = "champion",
    catch_up: bool = False,
    env: str = "",
    conf: Path | None = None,
    root: str = "",
) -> None:
    score_days(job.job(env, conf, root), model, DayRange.parse(days), version, catch_up=catch_up)


if __name__ == "__main__":
    job.end(lambda: typer.run(main))
