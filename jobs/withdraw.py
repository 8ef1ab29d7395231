"""Withdraw the newest landing of a feed's days: spark-submit jobs/withdraw.py schedule --days 2013-12-09"""

from headrace.commands import Withdraw
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Withdraw)
