"""Check that days are published: spark-submit jobs/freshness.py flights.features --days 2013-12-01"""

from headrace.commands import Freshness
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Freshness)
