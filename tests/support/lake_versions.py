"""Print the Delta version of each table below a folder: python tests/support/lake_versions.py build/local/lake"""

from __future__ import annotations

import sys
from pathlib import Path

from deltalake import DeltaTable


def main(lake: Path) -> None:
    for log in sorted(lake.glob("*/*/_delta_log")):
        print(log.parent.relative_to(lake), DeltaTable(log.parent).version())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
