"""Between a training and its promotion: continue with a version that passed, skip the rest for a refused one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from headrace.orchestration.reason import say_reason_last

if TYPE_CHECKING:
    from airflow.sdk import Context


class Gate(BaseOperator):
    """Show the gate's verdict on the version that a task trained.

    A refused challenger is not a failure: this task and those after it are skipped, and the log ends with the sentence.

    Args:
        trained: the task's id.

    Returns:
        The number of the version that passed.
    """

    ui_color = "#f6ecd2"

    def __init__(self, *, trained: str, **options: Any) -> None:
        super().__init__(**options)
        say_reason_last(self)
        self.trained = trained

    def execute(self, context: Context) -> int:
        results = context["ti"].xcom_pull(task_ids=self.trained)
        if not results:  # it was lost on its way, which does not fail a training
            raise AirflowFailException(f"{self.trained} handed on no result: clear it, and it trains nothing twice")
        result = results[-1]
        version = f"{result['of']} version {result['version']}"
        if not result["passed"]:
            self.log.warning("%s: %s", version, result["sentence"])  # Airflow folds its own line away
            raise AirflowSkipException(f"{version}: {result['sentence']}")
        self.log.info("%s: %s", version, result["sentence"])
        return int(result["version"])
