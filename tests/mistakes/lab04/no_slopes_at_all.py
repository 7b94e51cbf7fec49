"""Treats the network as if it were linear on the way back: no derivative of an activation anywhere."""

# base: solution
# loses: backward
# misconception: derivative-missing

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    def step(layers, delta):
        if len(layers) == 0:
            return
        *rest, layer = layers
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(torch.sum(delta, dim=0))
        step(rest, delta @ layer.get_weight().T)

    step(self.layers, self.loss.get_gradient(y, y_pred).unsqueeze(-1))
