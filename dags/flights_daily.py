"""Every morning: land the day before, build its tables, score it."""

import pendulum
from airflow.sdk import dag
from headrace.orchestration import (
    Build,
    Land,
    Score,
    combined,
    daily,
    days_param,
    done_within,
    policy,
    version_param,
)


@dag(
    schedule=daily(hour=6, zone="America/New_York"),
    start_date=pendulum.datetime(2013, 2, 1, tz="America/New_York"),
    end_date=pendulum.datetime(2014, 1, 2, tz="America/New_York"),  # the real flights end with 2013
    catchup=False,  # a year of days is one run of flights_rebuild, not 365 of this
    max_active_runs=1,  # a day looks back on those before it
    default_args=policy("flights", alert="page"),
    deadline=done_within(2, "flights.features", "flights.late15_scores", alert="page"),
    params={"days": days_param(), "version": version_param()},
    tags=["flights"],
    doc_md=__doc__,
)
def flights_daily() -> None:
    combined(
        Land(),
        Build("flights.features"),
        Score("flights.late15", version="{{ params.version }}"),
        task_id="day",
    )


flights_daily()
