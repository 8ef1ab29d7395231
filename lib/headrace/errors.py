"""The error tree. An error says what was wrong, what to do next, and whether a retry can help."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

PERMANENT = 65  # os.EX_DATAERR: the same input fails again
UNEXPECTED = 70  # os.EX_SOFTWARE: nobody foresaw the failure, so that one more try may help
OUT_OF_MEMORY = 71  # os.EX_OSERR: the same size fails again, and a larger one may succeed
RETRYABLE = 75  # os.EX_TEMPFAIL: the same input may succeed later


class Retry(Enum):
    """How often a failed job is tried again."""

    NEVER = "never"
    ONCE = "once"
    ALWAYS = "as often as its task allows"


_RETRIES = {
    PERMANENT: Retry.NEVER,
    OUT_OF_MEMORY: Retry.NEVER,  # a try takes as long as the job, and ends the same way with the same memory
    UNEXPECTED: Retry.ONCE,
    RETRYABLE: Retry.ALWAYS,
}


def retry_after(code: int) -> Retry:
    """How often a job is tried again that ended with this exit code. Killed jobs and unknown codes are always."""
    return _RETRIES.get(code, Retry.ALWAYS)


class HeadraceError(Exception):
    """What went wrong, in one sentence, and a hint that says what to do next.

    ``str(error)`` is a single line, so that it can be the last line of a log.
    """

    exit_code = PERMANENT

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        line = " ".join(f"{self.what}. {self.hint}".split()) if self.hint else " ".join(self.what.split())
        return line.rstrip(".")


class PermanentError(HeadraceError):
    """A retry without a change fails again."""


class RetryableError(HeadraceError):
    """A later retry may succeed."""

    exit_code = RETRYABLE


class OutOfMemoryError(HeadraceError):
    """Memory ran out.

    Attributes:
        of: what was worked on, such as a table and its days; empty if whoever raised it does not know.
    """

    exit_code = OUT_OF_MEMORY

    def __init__(self, what: str, hint: str = "", of: str = "") -> None:
        super().__init__(what, hint)
        self.of = of


class ConfigError(PermanentError):
    """A file in ``conf/`` has an unknown key or a wrong value."""


class DeclarationError(PermanentError):
    """A declaration of a use case is wrong: a misspelt word, a missing column, a cycle."""


class UnknownNameError(DeclarationError):
    """No table, feed, model or version has that name."""


class BadInputError(PermanentError):
    """A raw file is empty or truncated, or its columns differ from its contract."""


class MissingInputError(PermanentError):
    """A day that a feed must deliver has no file, and it is late."""


class InputNotYetError(RetryableError):
    """A day that a feed must deliver has no file yet, and it is not yet due."""


class MissingLookBackError(RetryableError):
    """Days that a table looks back on are not published yet."""


class UseCaseError(PermanentError):
    """The use case's own code raised an error; names its module, line and function."""


class QueryError(PermanentError):
    """Spark refuses a query: it cannot be parsed, names an unknown column, or meets a value that does not fit."""


class ContractError(PermanentError):
    """The columns or types of a frame differ from its table's contract."""


class TransformError(PermanentError):
    """A use case's transform cannot be computed: a value does not fit an expression, or an expression its columns."""


class CodeNotAcceptedError(PermanentError):
    """Nothing shows that new code makes the rows that are published."""


class CodeChangedError(RetryableError):
    """The use case's files were changed while a process ran, so no single version of the code made its rows."""


class DifferentRowsError(PermanentError):
    """A transform gives other rows for a day than it should: built alone, built again, or with later facts changed."""


class NothingComparedError(PermanentError):
    """A verification compared no rows, so that it shows nothing."""


class BatchRefusedError(PermanentError):
    """Checks refused the whole batch; nothing of it was published."""


class WriteConflictError(RetryableError):
    """Another writer published to the same days first."""


class LostRowsError(RetryableError):
    """An executor is gone, and rows with it that were computed once and are needed again."""


class UnfinishedError(RetryableError):
    """Some of the work is left for later, because something was busy; the rest is done."""


class RankLostError(RetryableError):
    """A training rank died or never started, so the training was stopped."""


class DeadlineError(RetryableError):
    """A training did not end within its deadline. The next try goes on after the last epoch that ended."""


class TrainingTooSlowError(PermanentError):
    """Not one epoch ended within the deadline, so that another try would end no epoch either."""


class NetworkError(PermanentError):
    """The use case's network cannot be trained, or its model could not be loaded to score."""


class TrainingDivergedError(PermanentError):
    """The loss became infinite or undefined."""


class GateRefusedError(PermanentError):
    """The challenger did not beat the champion and the declared baselines; the champion stays."""


class ArtefactError(PermanentError):
    """A model's file is missing, or its digest differs from the manifest."""


class PromotionConflictError(RetryableError):
    """Another promoter took the next promotion number first."""


class NotConfirmedError(PermanentError):
    """A command would do more than it does unasked, and nobody could be asked."""


class NothingRanError(PermanentError):
    """A stage that should run every day has not run lately."""


class StorageError(RetryableError):
    """S3 cannot be reached, or a request failed."""


class StorageRefusedError(PermanentError):
    """S3 refused a request: no credentials, no permission, or no such bucket."""


class ClusterError(RetryableError):
    """The Kubernetes API cannot be reached, or a request failed."""


class ClusterRefusedError(PermanentError):
    """The Kubernetes API refused a request: a permission is missing, or the request is invalid."""


class NotPermittedError(ClusterRefusedError):
    """The API server does not know the account, or does not let it do this. Right after its restart this may pass."""


class ArgumentsError(PermanentError):
    """A job or a command was given arguments that it does not take."""


def one_of(failures: Sequence[HeadraceError]) -> HeadraceError:
    """One error for several: the first that a retry cannot mend, or else the first. It also tells the others."""
    first = next((one for one in failures if retry_after(one.exit_code) is Retry.NEVER), failures[0])
    others = [failure.what for failure in failures if failure is not first]
    if not others:
        return first
    return type(first)("; ".join([first.what, *others]), first.hint)
