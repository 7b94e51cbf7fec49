"""Handed in the reference solution."""

# base: solution
# loses: none
