"""Train, judge and promote a model: spark-submit jobs/train.py flights.late15 --on 2013-12-01"""

from headrace.commands import Train
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Train)
