"""Print the Delta version of each table below a folder: python tests/lake_versions.py build/local/lake"""

import sys
from pathlib import Path

from deltalake import DeltaTable

for log in sorted(Path(sys.argv[1]).glob("*/*/_delta_log")):
    print(log.parent.relative_to(sys.argv[1]), DeltaTable(log.parent).version())
