"""Starts from the loss gradient alone, a habit from cross-entropy, and sets the bias gradients to zero."""

# base: solution
# loses: backward
# misconception: output-derivative-missing+bias-gradient-forgotten

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    deltas = {len(self.layers): self.loss.get_gradient(y, y_pred).unsqueeze(-1)}
    for number in range(len(self.layers), 0, -1):
        layer = self.layers[number - 1]
        layer.set_weight_gradient(layer.last_input.T @ deltas[number])
        layer.set_bias_gradient(torch.zeros_like(layer.get_bias()))
        if number > 1:
            prev = self.layers[number - 2]
            deltas[number - 1] = deltas[number] @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)
