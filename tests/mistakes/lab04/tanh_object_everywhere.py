"""Made one TanH object at the top and uses its derivative at the pre-activations of the output layer,
too."""

# base: solution
# loses: backward
# misconception: output-derivative-of-tanh

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    tanh = TanH()
    delta = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * tanh.get_gradient(self.layers[-1].last_zin)
    for l in range(len(self.layers) - 1, -1, -1):
        self.layers[l].set_weight_gradient(self.layers[l].last_input.T @ delta)
        self.layers[l].set_bias_gradient(delta.sum(dim=0))
        if l > 0:
            delta = delta @ self.layers[l].get_weight().T * tanh.get_gradient(self.layers[l - 1].last_zin)
