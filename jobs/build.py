"""Build a table and the tables that it is made from: spark-submit jobs/build.py flights.features --days 2013-12-01"""

from headrace.commands import Build
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Build)
