"""The grader's side of the sandbox: the warm fork server, one child a submission, forks for tests.

Nothing here runs a student's code and nothing believes what such code says: every answer of a
child has a deadline, a size limit and a shape that is checked.
"""
