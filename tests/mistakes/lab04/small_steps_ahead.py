"""As in some online tutorial: updates the weights in the loop, with learning rate 0.1, sends the deltas
through the new ones, and restores the old weights at the end."""

# base: solution
# loses: backward
# misconception: delta-through-updated-weights

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    saved = [layer.linear.weight for layer in self.layers]
    lr = 0.1
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    for layer in self.layers[::-1]:
        deltas = deltas * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        layer.linear.weight = layer.linear.weight - lr * layer.linear.weight_grad
        deltas = deltas @ layer.get_weight().T
    for layer, weight in zip(self.layers, saved):
        layer.linear.weight = weight
