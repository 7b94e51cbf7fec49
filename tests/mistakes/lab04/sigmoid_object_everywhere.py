"""Takes the activation of the output layer for all layers: its `get_gradient`, at the pre-activations
of the tanh layers."""

# base: solution
# loses: backward
# misconception: hidden-derivative-of-sigmoid

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    act = self.layers[-1].act
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * act.get_gradient(self.layers[-1].last_zin)
    for i in range(len(self.layers) - 1, 0, -1):
        self.layers[i].set_weight_gradient(self.layers[i - 1].last_zout.T @ deltas)
        self.layers[i].set_bias_gradient(deltas.sum(dim=0))
        deltas = deltas @ self.layers[i].get_weight().T * act.get_gradient(self.layers[i - 1].last_zin)
    self.layers[0].set_weight_gradient(x.T @ deltas)
    self.layers[0].set_bias_gradient(deltas.sum(dim=0))
