"""Ran out of time after `get_loss`. The two finished methods are right, three derivations are
written down, and everything after that is as it was handed out."""

# base: release
# loses: backward, apply_gradients, train, single_sample_gradients, batch_deltas

# %% NeuralNetwork.forward
def forward(self, x):
    out = x
    for layer in self.layers:
        out = layer.forward(out)
    return out.squeeze(-1)

# %% NeuralNetwork.get_loss
def get_loss(self, x, y):
    y_pred = self.forward(x)
    return self.loss.forward(y, y_pred)

# %% [markdown] eq1
# By the chain rule, with $z_{out} = \sigma(z_{in})$ for the last layer:
#
# $$\delta_i^{(L)} = \frac{\partial L}{\partial z_{i,in}^{(L)}} = \frac{\partial L}{\partial z_{i,out}^{(L)}} \cdot \sigma'(z_{i,in}^{(L)})$$

# %% [markdown] eq2
# $z_{i,in}$ is a sum and only one term has $W_{ji}$ in it, so
# $\partial z_{i,in}^{(\ell)} / \partial W_{ji}^{(\ell)} = z_{j,out}^{(\ell-1)}$. Times $\delta_i^{(\ell)}$ gives (2).

# %% [markdown] eq3
# Same as eq. 2, but the derivative of the sum with respect to $b_i$ is 1.
