"""Hands in the notebook as it was handed out."""
# base: release
# loses: all
