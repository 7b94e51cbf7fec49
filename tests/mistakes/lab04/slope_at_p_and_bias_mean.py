"""The slope of the sigmoid is taken at the prediction, and the bias gradient is a mean."""

# base: solution
# loses: backward
# misconception: output-derivative-at-z-out+bias-gradient-averaged

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    last = self.layers[-1]
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * last.act.get_gradient(last.last_zout)
    for i in reversed(range(len(self.layers))):
        layer = self.layers[i]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(torch.mean(deltas, 0))
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
