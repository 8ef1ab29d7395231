"""One error tree. Each error says what was wrong and what to do, and whether trying again can help."""

from __future__ import annotations

PERMANENT = 65  # os.EX_DATAERR: the same input fails again
RETRYABLE = 75  # os.EX_TEMPFAIL: the same input may succeed later


class HeadraceError(Exception):
    """What went wrong, in one sentence, with a hint that says what to do next.

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
    """Trying again without a change cannot help."""


class RetryableError(HeadraceError):
    """Trying again later can help."""

    exit_code = RETRYABLE


class ConfigError(PermanentError):
    """A file in ``conf/`` has an unknown key or a wrong value."""


class DeclarationError(PermanentError):
    """A use case declares something that cannot be: a wrong word, a missing column, a cycle."""


class UnknownNameError(DeclarationError):
    """A table, feed, model or version of that name does not exist."""


class BadInputError(PermanentError):
    """A raw file is empty, truncated, or has other columns than its contract."""


class MissingInputError(PermanentError):
    """A day that a feed must deliver has no file, and the time to wait for it is over."""


class InputNotYetError(RetryableError):
    """A day that a feed must deliver has no file yet, and there is still time."""


class MissingLookBackError(RetryableError):
    """Days that a table looks back on are not published yet."""


class ContractError(PermanentError):
    """A frame has other columns or types than its table's contract."""


class BatchRefusedError(PermanentError):
    """Checks refused the whole batch; nothing of it was published."""


class WriteConflictError(RetryableError):
    """Another writer published to the same days first."""


class RankLostError(RetryableError):
    """A training rank died, or never started; the run was ended."""


class TrainingDivergedError(PermanentError):
    """The loss became infinite or undefined."""


class GateRefusedError(PermanentError):
    """The challenger did not beat what it has to beat; the champion stays."""


class ArtefactError(PermanentError):
    """A model's file is missing or does not have the digest in its manifest."""


class PromotionConflictError(RetryableError):
    """Another promoter took the next promotion number first."""


class NothingRanError(PermanentError):
    """What should run every day has not run lately."""


class StorageError(RetryableError):
    """S3 cannot be reached, or fails."""


class StorageRefusedError(PermanentError):
    """S3 refuses: no credentials, no right, or no such bucket."""


class ClusterError(RetryableError):
    """The cluster does not answer, or does not do what it was asked."""


class ClusterRefusedError(PermanentError):
    """The cluster refuses: a right is missing, or what was asked for cannot be."""
