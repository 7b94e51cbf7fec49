"""Proving: does an assignment's grading deserve its students? ``deltarule check``.

::

    solution ──one small mistake each──► mutants ──tests──► killed
                                                       └──► survivors ──probes──► equivalent
                                                                             └──► a gap in the tests

Besides the mutants there are gates for what must earn every point (the solution, correct answers in
other styles) and for what must earn none (the notebook as students get it). Nothing here runs
students' code; the runner has no sandbox.
"""
