"""The user who runs this process."""

from __future__ import annotations

import getpass
import os


def user() -> str:
    """The user's name, or ``uid N``: in a container a user often has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
