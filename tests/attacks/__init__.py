"""Submissions that try to gain what they do not deserve, and the proof that they do not."""
