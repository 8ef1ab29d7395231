"""List the files of a folder from a name on, so that a long log is not listed from its beginning."""

from __future__ import annotations

from headrace.storage.place import Place
from headrace.storage.s3path import S3Path


def files_after(folder: Place, name: str) -> list[Place]:
    """The files directly in a folder whose names sort after ``name``, in order. A missing folder has none.

    Hidden files, such as the leftovers of crashed writers, are left out. In S3, the files carry their size and time.
    """
    if isinstance(folder, S3Path):
        files: list[Place] = list(folder.files(after=name))
    else:
        files = [path for path in folder.glob("*") if path.name > name and path.is_file()]
    return sorted((file for file in files if not file.name.startswith(".")), key=lambda file: file.name)
