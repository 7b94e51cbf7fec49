"""Half of the sigmoid's derivative at the output, and none of tanh's in the hidden layers."""

# base: solution
# loses: backward
# misconception: hidden-derivative-missing+sigmoid-derivative-halved

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    delta = torch.einsum("s,s->s", self.loss.get_gradient(y, y_pred), 1 - y_pred)[:, None]
    for layer in reversed(self.layers):
        layer.set_weight_gradient(torch.einsum("sj,si->ji", layer.last_input, delta))
        layer.set_bias_gradient(delta.sum(0))
        delta = torch.einsum("sk,ik->si", delta, layer.get_weight())
