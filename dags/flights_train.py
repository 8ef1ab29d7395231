"""Every week, once its seven days are there: train a challenger, judge it, promote it if it passes the gate."""

import pendulum
from airflow.sdk import dag
from headrace.orchestration import Train, days_param, done_within, gate, policy, promote, stage, weekly


@dag(
    schedule=weekly("flights.features", zone="America/New_York"),
    start_date=pendulum.datetime(2013, 2, 1, tz="America/New_York"),
    catchup=False,
    max_active_runs=1,
    default_args=policy("flights", alert="mail"),
    deadline=done_within(6, "flights.late15", alert="mail"),
    params={"days": days_param()},
    tags=["flights"],
    doc_md=__doc__,
)
def flights_train() -> None:
    trained = stage(Train("flights.late15", promote=False))  # the gate is a task of its own
    promote("flights.late15", gate(trained))


flights_train()
