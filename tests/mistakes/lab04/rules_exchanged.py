"""Exchanged the two rules: z(1-z) for the hidden layers, 1-z^2 for the output."""

# base: solution
# loses: backward
# misconception: hidden-derivative-of-sigmoid+output-derivative-of-tanh

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    def prime(number, z):
        if number < len(self.layers) - 1:
            return z * (1 - z)
        return 1 - z ** 2

    grad = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for number in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[number]
        grad = grad * prime(number, layer.last_zout)
        layer.set_weight_gradient(layer.last_input.T @ grad)
        layer.set_bias_gradient(grad.sum(dim=0))
        grad = grad @ layer.get_weight().T
