"""The sum over k of equation (4) is there, but not the factor behind the bracket."""

# base: solution
# loses: backward
# misconception: hidden-derivative-missing

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    out = self.layers[-1]
    delta = torch.einsum("n,ni->ni", self.loss.get_gradient(y, y_pred), out.act.get_gradient(out.last_zin))
    for layer in reversed(self.layers):
        layer.set_weight_gradient(torch.einsum("nj,ni->ji", layer.last_input, delta))
        layer.set_bias_gradient(torch.einsum("ni->i", delta))
        delta = torch.einsum("nk,jk->nj", delta, layer.get_weight())
