"""Turns the predictions into classes first, 1 above 0.5 and 0 below, and compares these with the
targets."""

# base: solution
# loses: backward
# misconception: thresholded-prediction

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    classes = (y_pred > 0.5).to(y_pred.dtype)

    deltas = [self.loss.get_gradient(y, classes).unsqueeze(1) * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)]
    for l in range(len(self.layers) - 1, 0, -1):
        prev = self.layers[l - 1]
        deltas.append(deltas[-1] @ self.layers[l].get_weight().T * prev.act.get_gradient(prev.last_zin))
    deltas.reverse()
    for l, layer in enumerate(self.layers):
        layer.set_weight_gradient(layer.last_input.T @ deltas[l])
        layer.set_bias_gradient(deltas[l].sum(dim=0))
