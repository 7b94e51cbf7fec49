"""The network is right, copied in structure from the lecture, but the two small functions of
exercise 1 are not: the outer product is transposed, and the derivative of tanh is taken at the
wrong place."""

# base: solution
# loses: single_sample_gradients, batch_deltas

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    weight_grad = torch.outer(delta, z_prev)
    return weight_grad, delta

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    # sigma' = 1 - z^2
    return deltas @ weight.T * (1 - z_in ** 2)

# %% [markdown] eq4
# $\delta_i^{(\ell-1)} = \delta_i^{(\ell)} W_{ii}^{(\ell)} \sigma'(z_{i,in}^{(\ell-1)})$ by the chain rule.
