"""Grading: run submissions, collect their scores, and say for every test what happened.

Underneath this is nbgrader's own autograding, one fresh kernel a submission, without a sandbox;
every result says so.
"""

from deltarule.grading.results import ClassResult, Result, TestResult

__all__ = ["ClassResult", "Result", "TestResult"]
