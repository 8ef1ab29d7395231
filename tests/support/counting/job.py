"""Count the landed rows of a feed: spark-submit jobs/count.py schedule --days 2013-01-01"""

from counting import Count
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Count)
