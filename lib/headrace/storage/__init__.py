"""Files where the environment keeps them: on the local disk, or in a bucket of S3. The one place that talks to S3 from
outside Spark.

What is kept is a ``Place``: a ``pathlib.Path``, or an ``S3Path`` that can do as much of the same as is needed here.
What the two do differently are this package's functions: whole or not at all, exclusively, and as a local copy.
"""

from headrace.storage.copies import cached_copy, local_copy
from headrace.storage.place import Place, below, on_s3, place, spark_uri
from headrace.storage.s3path import S3Path
from headrace.storage.transfer import (
    CLAIM,
    append,
    create,
    download,
    for_each,
    publish_folder,
    read_text,
    remove,
    upload,
    write,
    writing,
)

__all__ = [
    "CLAIM",
    "Place",
    "S3Path",
    "append",
    "below",
    "cached_copy",
    "create",
    "download",
    "for_each",
    "local_copy",
    "on_s3",
    "place",
    "publish_folder",
    "read_text",
    "remove",
    "spark_uri",
    "upload",
    "write",
    "writing",
]
