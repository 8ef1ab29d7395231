"""What a job is asked to do. Each stage is one frozen dataclass; everything that starts a stage derives from it."""

from headrace.commands.base import Command, registered
from headrace.commands.combined import Combined
from headrace.commands.job import Job
from headrace.commands.stages import Build, Freshness, Land, Maintain, Promote, Rollback, Score, Train, Verify, Withdraw

__all__ = [
    "Build",
    "Combined",
    "Command",
    "Freshness",
    "Job",
    "Land",
    "Maintain",
    "Promote",
    "Rollback",
    "Score",
    "Train",
    "Verify",
    "Withdraw",
    "registered",
]
