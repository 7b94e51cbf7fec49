"""nbgrader's configuration for this course; everything is decided in ``deltarule.bridge``.

Settings of your own go below the call, e.g. ``c.CourseDirectory.course_id = "deep-learning"``.
"""

from deltarule.bridge import configure

c = get_config()  # noqa: F821 - nbgrader provides it
configure(c, __file__)
