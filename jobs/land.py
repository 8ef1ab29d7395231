"""Land what feeds delivered: spark-submit jobs/land.py --days 2013-12-01..2013-12-07 --feed weather"""

from headrace.commands import Land
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Land)
