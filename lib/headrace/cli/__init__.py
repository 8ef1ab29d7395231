"""``headrace``, for a person at a terminal."""

from headrace.cli import jobs, looks, models
from headrace.cli.app import app

__all__ = ["app", "jobs", "looks", "models"]
