"""``headrace``, for a person at a terminal."""

from headrace.cli import inspect_commands, plan_commands, stage_commands, submit_commands
from headrace.cli.app import app

__all__ = ["app", "inspect_commands", "plan_commands", "stage_commands", "submit_commands"]
