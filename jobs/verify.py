"""Verify a table's transform: spark-submit jobs/verify.py flights.features --days 2013-02-01..2013-02-10"""

from headrace.commands import Verify
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Verify)
