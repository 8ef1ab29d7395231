"""Check that a stage completed recently: spark-submit jobs/freshness.py score --within-hours 26"""

from headrace.commands import Freshness
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Freshness)
