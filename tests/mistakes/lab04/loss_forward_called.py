"""Called `loss.forward` where `loss.get_gradient` was meant: the one number of the loss goes back
along every sample."""

# base: solution
# loses: backward
# misconception: loss-for-its-gradient

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    upstream = self.loss.forward(y, y_pred)
    for layer in self.layers[::-1]:
        deltas = upstream * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        upstream = deltas @ layer.get_weight().T
