"""References of the form ``"module:name"``, which are imported only where they are used."""

from __future__ import annotations

import importlib
from typing import Any


def imported(reference: str) -> Any:
    """Import what ``"module:name"`` names.

    Raises:
        ImportError, AttributeError: the module, or the name in it, does not exist.
    """
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)
