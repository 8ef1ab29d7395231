"""A wall clock that is set wrong, for one process and its children."""

from __future__ import annotations

import datetime as dt
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


def set_back(by: dt.timedelta, folder: Path) -> dict[str, str]:
    """The environment of a process whose clock is ``by`` behind. It needs a library in ``folder``, which gcc makes."""
    library = folder / "clock.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(-int(by.total_seconds()))}
