"""Make the previous champion the champion again: spark-submit jobs/rollback.py flights.late15"""

from headrace.commands import Rollback
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Rollback)
