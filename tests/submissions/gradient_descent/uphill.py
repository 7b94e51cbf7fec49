"""Goes along the gradient in 1.1."""

# base: solution
# loses: optimize_f

# %% solution-optimize_f
def optimize_f(x, y, step_size, steps):
    x_hist, y_hist = [x], [y]
    for step in range(steps):
        dx = grad_x_f(x, y)
        dy = grad_y_f(x, y)
        x = x + step_size * dx
        y = y + step_size * dy
        x_hist.append(x)
        y_hist.append(y)
    return x, y, f(x, y), x_hist, y_hist
