"""One wrapper around every stage: it times the stage, records it in the ledger, hands on its result, and says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from headrace import faults
from headrace.commands import Command
from headrace.ledger.record import Entry, recorded
from headrace.outcome import Result, write_result
from headrace.references import imported
from headrace.stages.context import StageContext
from headrace.stages.memory_errors import memory_errors
from headrace.stages.progress import log_progress

Stage = Callable[[StageContext, Command], Result]


def run_stage(context: StageContext, command: Command) -> Result:
    """Run a stage.

    A stage that fails is recorded with what it noted before, and that is handed on as well. Neither the ledger nor what
    is handed on decides how the stage ended.

    Raises:
        UnknownNameError: the use case does not declare a name in the command.
        UseCaseError: the use case's code raised an error.
        OutOfMemoryError: memory ran out; it says how much there was, and which setting to change.
        HeadraceError: the stage failed.
    """
    stage = function_of(command.check_names(context.use_case))
    context = replace(context, noted=[])  # which forgets what an earlier stage read of the lake
    began = time.monotonic()
    with recorded(context.layout.ledger, command) if command.recorded else nullcontext(Entry()) as entry:
        try:
            with _memory_errors(context, command, entry), faults.translated(context.use_case.package):
                result = stage(context, command)
        except BaseException as failure:
            entry.result = context.noted[-1] if context.noted else None
            if entry.result is not None and isinstance(failure, Exception):
                write_result(entry.result)
            raise
        finally:
            context.close()
        entry.result = result
    write_result(result)
    if command.recorded:
        what = " ".join(part for part in (result.of, result.days, "done") if part)
        log_progress(command.stage, what, s=f"{time.monotonic() - began:.1f}")
    return result


def _memory_errors(context: StageContext, command: Command, entry: Entry) -> AbstractContextManager[None]:
    def python_bytes() -> int:
        return entry.usage().python if entry.usage else 0

    return memory_errors(lambda: context.config, command.stage, command.subject, python_bytes)


def function_of(command: Command) -> Stage:
    """The function that runs a command's stage."""
    function: Stage = imported(command.function)
    return function
