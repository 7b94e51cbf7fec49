"""What runs inside the sandbox: the warm fork server, and the children that run students' cells.

::

    trusted grader ──► fork server ──► keeper ──► runner ──► spare (waits, taken before a cell)
    zygote.py          warm, single-   process 1    the cells └──► fork (one test)
                       threaded        of the sandbox

Nothing here imports ``deltarule``: the folder is started by its path, and the child that it makes
cannot see the course, the engine or the grader. Nothing here is trusted either once a student's
first cell has run: the grader believes no message without checking it.
"""
