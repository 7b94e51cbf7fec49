"""nbgrader's configuration for this course; everything is decided in ``deltarule.bridge``.

Settings of your own go below the call, e.g. ``c.CourseDirectory.course_id = "deep-learning"``.
"""

c = get_config()  # noqa: F821 - nbgrader provides it

try:
    from deltarule.bridge import configure
except ModuleNotFoundError:
    import sys

    message = "deltarule is not installed, so there is no course here: pip install --no-deps -e ."
    print(message, file=sys.stderr)
else:
    configure(c, __file__)
