"""Compact and clean tables: spark-submit jobs/maintain.py, or with the names of tables"""

from pathlib import Path
from typing import Annotated

import typer
from headrace.stages import job
from headrace.stages.maintain import maintain


def main(
    tables: Annotated[list[str] | None, typer.Argument()] = None,
    env: str = "",
    conf: Path | None = None,
    root: str = "",
) -> None:
    maintain(job.job(env, conf, root), tables or [])


if __name__ == "__main__":
    job.end(lambda: typer.run(main))
