"""Feedback pages for students, by nbgrader's own converter with the secrets taken out."""

from __future__ import annotations

from deltarule.config import Course

__all__ = ["generate_feedback"]


def generate_feedback(course: Course, assignment: str) -> None:
    """Write ``feedback/<student>/<assignment>/*.html`` for everything that is graded.

    Raises:
        MachineryError: nbgrader failed; its log is in the message.
    """
    from nbgrader.converters import GenerateFeedback

    from deltarule.bridge.release import course_directory, run_converter

    coursedir, config = course_directory(course, assignment)
    converter = GenerateFeedback(coursedir=coursedir, config=config)
    converter.force = True
    run_converter(converter)
