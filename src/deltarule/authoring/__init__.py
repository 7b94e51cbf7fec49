"""Authoring: from one Markdown source to the notebooks that are made from it.

::

    lab04.md ──read_source──► cells with lines ──parse──► Notebook ──render──► master
                                                                         ├──► student
                                                                         └──► solution ──execute──►

Nothing here knows about nbgrader's converters or gradebook; that is the job of ``bridge``.
"""

from deltarule.authoring.cells import Cell, Notebook, Role
from deltarule.authoring.execute import execute
from deltarule.authoring.parse import parse
from deltarule.authoring.render import master, solution, student

__all__ = ["Cell", "Notebook", "Role", "execute", "master", "parse", "solution", "student"]
