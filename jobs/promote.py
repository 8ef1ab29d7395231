"""Make a version champion that the gate passed: spark-submit jobs/promote.py flights.late15 2"""

from pathlib import Path

import typer
from headrace import config
from headrace.stages import job
from headrace.stages.promote import promote_version


def main(
    model: str,
    version: int,
    reason: str = "promoted by a job",
    env: str = "",
    conf: Path | None = None,
    root: str = "",
) -> None:
    promote_version(config.load(env, conf, root), model, version, reason=reason)


if __name__ == "__main__":
    job.end(lambda: typer.run(main))
