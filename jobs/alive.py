"""Check that a stage was done lately: spark-submit jobs/alive.py score --within-hours 26"""

from pathlib import Path

import typer
from headrace.stages import job
from headrace.stages.alive import last_done


def main(
    stage: str,
    within_hours: float = 26,
    env: str = "",
    conf: Path | None = None,
    root: str = "",
) -> None:
    last_done(job.job(env, conf, root).config, stage, within_hours)


if __name__ == "__main__":
    job.end(lambda: typer.run(main))
