"""Which delivery of a day can be seen as of an instant.

The first delivery with files counts from the beginning, however late it landed: each of its rows says when it could be
known. Every later delivery is a correction, which counts from its landing.
"""

from __future__ import annotations

import datetime as dt

from headrace.landing.entry import Record
from headrace.landing.state import Deliveries


def counting(deliveries: Deliveries) -> Deliveries:
    """The deliveries of a day that can be seen as of some instant, the first one and its corrections.

    Deliveries before a restatement do not count, nor does a day without files once it has some.
    """
    restatements = [number for number, record in enumerate(deliveries) if record.restated]
    since = deliveries[restatements[-1] :] if restatements else deliveries
    return tuple(record for record in since if record.files) or since[-1:]


def visible(deliveries: Deliveries, cut_off: dt.datetime | None = None) -> Record | None:
    """The delivery of a day that counts as of an instant; without an instant, the one that stands now.

    None if the day has not landed.
    """
    first, *corrections = counting(deliveries) or (None,)
    seen = [record for record in corrections if cut_off is None or record.landed_at < cut_off]
    return seen[-1] if seen else first
