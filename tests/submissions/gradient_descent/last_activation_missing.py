"""Applies the activations of the hidden layers only."""

# base: solution
# loses: network, evaluate, train_epoch, train_two_layer, train_single_layer, train_linear, train_deep

# %% network
def network(x, params):
    z = x
    for l, (w, b, h) in enumerate(params):
        z = z @ w + b
        if l < len(params) - 1:
            z = h(z)
    return z.squeeze(dim=-1)
