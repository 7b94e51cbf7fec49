"""Deltarule: a deep-learning course repository with an autograder that understands gradients.

The package is a house with one job to a room; arrows point from what is used to what uses it::

    errors, config ─┬─ engine ───── judging ─┬─ grading ── proving ── reporting ── cli
                    └─ authoring ── bridge ──┘

Nothing is imported here, so that ``deltarule --help`` and ``import deltarule.judging`` stay quick.
"""

__version__ = "0.1.0"
