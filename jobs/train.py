"""Train, judge and promote a model: spark-submit jobs/train.py flights.late15 --on 2013-12-01"""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer
from headrace.stages import job
from headrace.stages.train import train_model


def main(
    model: str,
    on: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"])],
    promote: bool = True,
    env: str = "",
    conf: Path | None = None,
    root: str = "",
) -> None:
    train_model(job.job(env, conf, root), model, on.date(), promote=promote)


if __name__ == "__main__":
    job.end(lambda: typer.run(main))
