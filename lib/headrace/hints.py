"""Hints for a misspelt word: the nearest known word, or the list of all known words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_SHOWN = 30


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint with the known word that is most similar to ``word``.

    Without a similar word, the hint lists the known words. Without known words, it is empty.
    """
    known = sorted(known)
    if not known:
        return ""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    shown = [*known[:MAX_SHOWN], *(["..."] if len(known) > MAX_SHOWN else [])]
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(shown)}"
