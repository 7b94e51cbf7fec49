"""Everything that touches nbgrader: its configuration, its converters, its gradebook.

``nbgrader_config.py`` calls :func:`configure` and nothing else. This module and
:mod:`deltarule.bridge.configuration` import the standard library alone, because they run at the
start of every nbgrader command and inside the Jupyter server.
"""

from deltarule.bridge.configuration import configure

__all__ = ["configure"]
