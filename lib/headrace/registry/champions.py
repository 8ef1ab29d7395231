"""Which version scores a day: the champion of then, whenever the day is scored.

It is the newest promotion that stands and whose version was trained as on that day or before. No day is scored by a
version that learned from it. The days before a champion's training belong to the champions before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator

from headrace.days import ONE, DayRange
from headrace.registry.promotions import Promotion, standing
from headrace.registry.versions import Version

LAST = dt.date.max  # the champion scores all days from its first one on

VersionOf = Callable[[Promotion], Version]


def days_by_champion(history: list[Promotion], version_of: VersionOf) -> Iterator[tuple[Version, DayRange]]:
    """The promoted versions with the days that each scores, the champion first.

    Versions that score no day are left out. Their promotions were rolled back, or a newer promotion is of a version
    that was trained as on the same day or before.

    Args:
        history: all promotions of a model, the oldest first.
        version_of: finds the version of a promotion. It is asked only as far as the caller iterates, so the newest
            days can be scored without the oldest versions.
    """
    last = LAST
    for promotion in reversed(standing(history)):
        version = version_of(promotion)
        if version.trained_on <= last:
            yield version, DayRange(version.trained_on, last)
            last = version.trained_on - ONE


def champions_by_day(
    history: list[Promotion], version_of: VersionOf, days: Iterable[dt.date]
) -> dict[dt.date, Version]:
    """The version that scores each day. Days before the first such version are left out: they have no model yet.

    See ``days_by_champion`` for the arguments.
    """
    found: dict[dt.date, Version] = {}
    waiting = set(days)
    champions = days_by_champion(history, version_of)
    while waiting and (champion := next(champions, None)):
        version, scored = champion
        found |= {day: version for day in waiting if day in scored}
        waiting -= found.keys()
    return dict(sorted(found.items()))
