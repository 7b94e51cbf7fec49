"""Handed in the reference solution as it is: every automatic point."""

# base: solution
# loses: none
