"""Several stages in one application: spark-submit jobs/run.py land --days DAY --then build TABLE --days DAY"""

from headrace.stages.entry import run_combined_job

if __name__ == "__main__":
    run_combined_job()
