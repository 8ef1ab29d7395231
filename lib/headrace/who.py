"""Who runs this process."""

from __future__ import annotations

import getpass
import os


def user() -> str:
    """A person's name on this machine, or ``uid N``: in a container a user often has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
