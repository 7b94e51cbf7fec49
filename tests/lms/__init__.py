"""Submissions in, grades out: what an LMS gives, and what it makes of what it gets."""
