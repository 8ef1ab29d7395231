"""Score days with a model's champion: spark-submit jobs/score.py flights.late15 --days 2013-12-01"""

from headrace.commands import Score
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Score)
