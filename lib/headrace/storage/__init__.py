"""Files on the local disk or in S3, with one semantics. Outside Spark, only this package talks to S3.

A ``Place`` is a ``pathlib.Path``, or an ``S3Path`` with the same methods, as far as the platform needs them. Where the
two differ, this package has a function: atomic writes, exclusive creation, compare-and-swap, local copies.
"""

from headrace.storage.conditional import read_tagged, replace_if
from headrace.storage.copies import cached_copy, local_copy
from headrace.storage.folders import CLAIM, publish_folder
from headrace.storage.listing import below_matching, files_after
from headrace.storage.place import Place, below, on_s3, place, spark_uri
from headrace.storage.s3path import S3Path
from headrace.storage.stamps import Stamp, stamp
from headrace.storage.transfer import (
    append,
    both,
    create,
    download,
    for_each,
    read_text,
    remove,
    upload,
    write,
    writing,
)
from headrace.storage.versions import Version, newest_version

__all__ = [
    "CLAIM",
    "Place",
    "S3Path",
    "Stamp",
    "Version",
    "append",
    "below",
    "below_matching",
    "both",
    "cached_copy",
    "create",
    "download",
    "files_after",
    "for_each",
    "local_copy",
    "newest_version",
    "on_s3",
    "place",
    "publish_folder",
    "read_tagged",
    "read_text",
    "remove",
    "replace_if",
    "spark_uri",
    "stamp",
    "upload",
    "write",
    "writing",
]
