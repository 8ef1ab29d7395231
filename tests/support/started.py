"""A backend that only says which job it was given, for tests of what decides whether a job starts."""

from __future__ import annotations

from headrace.commands import Job
from headrace.config import ConfigSource
from headrace.outcome import Outcome

BACKEND = f"{__name__}:Started"


class Started:
    def __init__(self, *_: object) -> None: ...

    def with_source(self, job: Job, _source: ConfigSource) -> Job:
        return job

    def run(self, job: Job, _log: object = None) -> Outcome:
        print(f"started {' '.join(job.arguments)}", flush=True)
        return Outcome(0, "")
