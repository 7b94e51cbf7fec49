"""Sends the bare loss gradient back to the hidden layers, and stops before layer 0."""

# base: solution
# loses: backward
# misconception: first-layer-forgotten+loss-gradient-sent-back

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    for layer in self.layers:
        layer.set_weight_gradient(torch.zeros_like(layer.get_weight()))
        layer.set_bias_gradient(torch.zeros_like(layer.get_bias()))
    signal = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    last = len(self.layers) - 1
    for l in range(last, 0, -1):
        layer = self.layers[l]
        slope = layer.act.get_gradient(layer.last_zin)
        delta = signal * slope
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        if l < last:
            signal = delta
        signal = signal @ layer.get_weight().T
