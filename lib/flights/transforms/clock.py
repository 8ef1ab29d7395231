"""Local clock times of the feeds to instants in UTC."""

from __future__ import annotations

from headrace.expressions import tried
from pyspark.sql import Column
from pyspark.sql import functions as F

# Destinations that the airports file does not have.
MISSING_ZONES = {
    "BQN": "America/Puerto_Rico",
    "PSE": "America/Puerto_Rico",
    "SJU": "America/Puerto_Rico",
    "STT": "America/St_Thomas",
}


def minute_of_day(hhmm: Column) -> Column:
    """515 (a quarter past five) to 315; 2400 to 1440, the next midnight. Null for what no clock shows, such as 1260."""
    return F.when(hhmm.between(0, 2400) & (hhmm % 100 < 60), F.floor(hhmm / 100) * 60 + hhmm % 100)


def instant(date: Column, hhmm: Column, zone: Column) -> Column:
    """The UTC instant of a clock time on a local date in a zone; null if no such clock time or zone exists."""
    local = F.timestamp_seconds(F.unix_seconds(date.cast("timestamp")) + minute_of_day(hhmm) * 60)
    return tried(F.to_utc_timestamp(local, zone))


def minutes_between(start: Column, end: Column) -> Column:
    return ((F.unix_seconds(end) - F.unix_seconds(start)) / 60).cast("int")


def plus_minutes(start: Column, minutes: Column) -> Column:
    return F.timestamp_seconds(F.unix_seconds(start) + minutes.cast("bigint") * 60)


def hour() -> Column:
    """The hour of the local day in which a leg is scheduled to depart."""
    return F.floor(F.col("dep_minute") / 60).cast("int")
