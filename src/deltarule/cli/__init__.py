"""The command line: arguments in, exit codes out; the work is done elsewhere.

Exit codes: 0 done, 1 something did not pass, 2 wrong usage or a wrong source, 3 the machinery
failed, 130 stopped by Ctrl-C. Heavy imports stand inside the commands, so that ``deltarule
--help`` is quick. Each module holds the commands of one kind of work.
"""

from deltarule.cli import authoring, bundling, grading, lms, reports
from deltarule.cli.common import main

__all__ = ["authoring", "bundling", "grading", "lms", "main", "reports"]
