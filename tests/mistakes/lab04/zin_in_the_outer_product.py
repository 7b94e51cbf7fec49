"""Mixed up the memories of the previous layer in equation (6): `last_zin` instead of `last_zout`."""

# base: solution
# loses: backward
# misconception: pre-activation-as-input

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    senders = [x]
    for layer in self.layers[:-1]:
        senders.append(layer.last_zin)
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer, z in zip(reversed(self.layers), reversed(senders)):
        deltas = deltas * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(z.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        deltas = deltas @ layer.get_weight().T
