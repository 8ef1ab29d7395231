"""Every week, once its seven days are there: train a challenger, judge it, promote it if it passes the gate."""

import pendulum
from airflow.sdk import dag
from headrace.orchestration import days_param, done_within, gate, policy, promote, train, weekly


@dag(
    schedule=weekly("flights.features"),
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
    trained = train("flights.late15")
    promote("flights.late15", gate(trained))


flights_train()
