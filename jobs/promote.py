"""Make a version champion that passed the gate: spark-submit jobs/promote.py flights.late15 2"""

from headrace.commands import Promote
from headrace.stages.entry import run_job

if __name__ == "__main__":
    run_job(Promote)
