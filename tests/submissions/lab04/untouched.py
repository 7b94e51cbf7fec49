"""Downloaded the notebook, opened it, and handed it in without typing a character."""

# base: release
# loses: all
