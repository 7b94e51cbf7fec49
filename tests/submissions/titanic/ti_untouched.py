"""Handed in what was handed out."""

# base: release
# notebook: titanic
# loses: prepare, logistic_regression, training_step, mlp_forward, mlp_hidden


