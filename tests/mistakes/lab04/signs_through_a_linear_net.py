"""Only the sign of the error goes back, and no hidden slope meets it on the way."""

# base: solution
# loses: backward
# misconception: absolute-error-gradient+hidden-derivative-missing

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    d = torch.sign(y_pred - y).unsqueeze(-1) / y.numel()
    d = d * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)

    def send(layers, d):
        if layers:
            layers[-1].set_weight_gradient(layers[-1].last_input.T @ d)
            layers[-1].set_bias_gradient(d.sum(0))
            send(layers[:-1], d @ layers[-1].get_weight().T)

    send(self.layers, d)
