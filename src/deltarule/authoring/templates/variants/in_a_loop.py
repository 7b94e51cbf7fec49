"""Goes through the samples one by one, in plain Python: slow, and right. It has to earn every point."""
# base: solution
# loses: none

# %% mean_squared_error
def mean_squared_error(y, y_hat):
    total = 0
    for truth, prediction in zip(y, y_hat):
        total = total + (truth - prediction) ** 2
    return total / len(y)
