"""Compact and clean tables: spark-submit jobs/maintain.py, or with the names of tables"""

from headrace.commands import Maintain
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Maintain)
