"""``headrace``, for a person at a terminal."""

from headrace.cli.app import app

__all__ = ["app"]
