"""Results out: tables, JSON, JUnit. Everything is made from the records of ``grading``."""
