"""Forms the weight gradients with the pre-activations below, and only sums the deltas on the way back."""

# base: solution
# loses: backward
# misconception: pre-activation-as-input+weights-forgotten

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    grad = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        below = self.layers[i - 1].last_zin if i > 0 else x
        delta = grad * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(below.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        grad = torch.sum(delta, dim=1, keepdim=True)
