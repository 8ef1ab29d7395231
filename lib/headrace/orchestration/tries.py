"""Whether a task is tried again, and the exception that says so to Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from headrace.best_effort import BestEffort
from headrace.errors import MissingLookBackError, Retry, retry_after
from headrace.outcome import Outcome

if TYPE_CHECKING:
    from airflow.sdk import Context

UNEXPECTED_SINCE = "headrace: unexpected since"
BACKFILL = "backfill"  # Airflow's type of such a run
IN_ORDER = (
    "This backfill builds the days before it later or never: create it with --max-active-runs 1 and without"
    " --run-backwards, or rebuild the days in one run"
)


def is_followed_by_a_try(context: Context) -> bool:
    """Whether Airflow tries the task again after a failure that a retry may mend."""
    return bool(context["ti"].try_number <= context["ti"].max_tries)


def failure(outcome: Outcome, context: Context) -> AirflowException:
    """The exception that ends a try with the job's reason, and the task if no other try may help."""
    if waits_in_vain(outcome, context):
        return AirflowFailException(f"{outcome.reason}. {IN_ORDER}")
    retry = retry_after(outcome.code)
    if retry is Retry.NEVER or (retry is Retry.ONCE and unexpected_again(context)):
        return AirflowFailException(outcome.reason)
    return AirflowException(outcome.reason)


def waits_in_vain(outcome: Outcome, context: Context) -> bool:
    """Whether a day of a backfill lacks days before it, which this backfill builds later or never."""
    lacks_days = outcome.reason.startswith(f"{MissingLookBackError.__name__}: ")
    return lacks_days and context["dag_run"].run_type == BACKFILL


def unexpected_again(context: Context) -> bool:
    """Whether a job of this task has ended with 70 before; remembers that one has now.

    What Airflow keeps for a task outlives its tries. Clearing a task raises ``max_tries``, and so it begins again.
    """
    with BestEffort("that the job ended unexpectedly"):
        store, since = context["task_state_store"], context["ti"].max_tries
        if store.get(UNEXPECTED_SINCE) == since:
            return True
        store.set(UNEXPECTED_SINCE, since)
    return False
