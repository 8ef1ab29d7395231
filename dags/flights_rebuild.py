"""On demand: a range of days as one run of each stage, for a backfill or after a correction. Fill in the days."""

from airflow.sdk import dag
from headrace.orchestration import Build, Land, Score, days_param, policy, stage, version_param


@dag(
    schedule=None,
    max_active_runs=1,
    default_args=policy("flights", alert="mail"),
    params={"days": days_param(required=True), "version": version_param()},
    tags=["flights"],
    doc_md=__doc__,
)
def flights_rebuild() -> None:
    landed = stage(Land())
    built = stage(Build("flights.features", catch_up=True))
    landed >> built >> stage(Score("flights.late15", version="{{ params.version }}", catch_up=True))


flights_rebuild()
