"""Delta tables: read as of an instant, and published a range of days at a time, each day with its publish id."""

from headrace.lake.publications import DayContents, Publication
from headrace.lake.table import Lake, LakeTable

__all__ = ["DayContents", "Lake", "LakeTable", "Publication"]
