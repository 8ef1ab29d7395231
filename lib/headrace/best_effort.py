"""Recording never decides: what only records a stage may fail, and the stage ends as it would have ended."""

from __future__ import annotations

import logging
from types import TracebackType

MAX_SHOWN = 300  # characters of an error's text
_LOG = logging.getLogger(__name__)


class BestEffort:
    """A block whose errors are logged in one line and go no further.

    Use it for ledgers, links, marks and MLflow, never for what a later stage relies on. An interrupt still ends the
    block. ``what`` is what is lost after an error, such as ``the row of the ledger``.
    """

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        why = " ".join(f"{type(error).__name__}: {error}".split())[:MAX_SHOWN]
        _LOG.warning("%s is lost, and the work goes on: %s", self.what, why)
        return True
