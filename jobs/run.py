"""Several stages in one application: spark-submit jobs/run.py land --days DAY --then build TABLE --days DAY"""

import sys

from headrace import commands
from headrace.stages import job

import build
import land
import maintain
import promote
import score
import train

STAGES = {each.__name__: each.main for each in (land, build, train, promote, score, maintain)}


def main() -> None:
    for stage, *arguments in commands.split(sys.argv[1:]):
        job.call(STAGES, stage, arguments)


if __name__ == "__main__":
    job.end(main)
