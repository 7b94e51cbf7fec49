"""Moves x first and takes the derivative in y at the new x, in both versions."""

# base: solution
# loses: optimize_f, decay

# %% solution-optimize_f
def optimize_f(x, y, step_size, steps):
    x_hist, y_hist = [x], [y]
    for step in range(steps):
        x = x - step_size * grad_x_f(x, y)
        y = y - step_size * grad_y_f(x, y)
        x_hist.append(x)
        y_hist.append(y)
    return x, y, f(x, y), x_hist, y_hist

# %% optimize_f_decay
def optimize_f(x, y, step_size, steps, decay=1.0):
    x_hist, y_hist = [x], [y]
    for step in range(steps):
        x = x - step_size * decay**step * grad_x_f(x, y)
        y = y - step_size * decay**step * grad_y_f(x, y)
        x_hist.append(x)
        y_hist.append(y)
    return x, y, f(x, y), x_hist, y_hist
