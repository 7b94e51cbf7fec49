"""Shrinks the step size before the first step."""

# base: solution
# loses: decay

# %% optimize_f_decay
def optimize_f(x, y, step_size, steps, decay=1.0):
    x_hist, y_hist = [x], [y]
    for step in range(steps):
        step_size *= decay
        dx, dy = grad_x_f(x, y), grad_y_f(x, y)
        x, y = x - step_size * dx, y - step_size * dy
        x_hist.append(x)
        y_hist.append(y)
    return x, y, f(x, y), x_hist, y_hist
