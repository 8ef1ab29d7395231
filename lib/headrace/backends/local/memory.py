"""How a job on this machine ended whose process could not say so, because its memory had run out."""

from __future__ import annotations

from headrace.commands import Job, registered
from headrace.commands.combined import Combined
from headrace.config import Config, ConfigSource
from headrace.errors import OUT_OF_MEMORY
from headrace.outcome import HEAP_EXIT, OUT_OF_MEMORY_SAID, Outcome
from headrace.shortage import Part, Shortage
from headrace.sizing.memory import out_of_memory

HEAP_FULL = Shortage(Part.TASK_HEAP, "the JVM's heap is full")
KILLED_BY_KERNEL = Shortage(Part.TASK_PYTHON, "the kernel ended the job")


def explained(config: Config, job: Job, ended: Outcome, killed_by_kernel: bool) -> Outcome:
    """The outcome of a job, with the code and the reason of memory that ran out if that ended it.

    Spark ends its JVM with an exit code of its own when a task finds the heap full. The driver's Python may have named
    the table before.
    """
    if ended.code == HEAP_EXIT and ended.reason.startswith(OUT_OF_MEMORY_SAID):
        return Outcome(OUT_OF_MEMORY, ended.reason, ended.results, ended.printed)
    if ended.code != HEAP_EXIT and not killed_by_kernel:
        return ended
    short = HEAP_FULL if ended.code == HEAP_EXIT else KILLED_BY_KERNEL
    error = out_of_memory(config, job.name, _subject(job), short)
    return Outcome(OUT_OF_MEMORY, Outcome.of_error(error).reason, ended.results)


def _subject(job: Job) -> str:
    """What a job works on: the table or model of its stage with its days, or else its file."""
    if len(job.stages) != 1 or job.file == Combined.file:
        return job.file
    _, arguments = ConfigSource.from_argv(job.arguments)
    return registered()[job.stages[0]].from_argv(arguments).subject
