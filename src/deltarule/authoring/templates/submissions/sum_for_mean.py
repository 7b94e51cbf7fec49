"""Adds the squared differences up and leaves it at that."""
# base: solution
# loses: mean_squared_error
# misconception: sum-for-mean

# %% mean_squared_error
def mean_squared_error(y, y_hat):
    return ((y - y_hat) ** 2).sum()
