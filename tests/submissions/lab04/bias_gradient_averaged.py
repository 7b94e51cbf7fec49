"""Read "average over the batch" somewhere and took the mean of the deltas for the biases, while
the weights are summed as they should be."""

# base: solution
# loses: backward
# misconception: bias-gradient-averaged

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)

    loss_grad = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    deltas = loss_grad * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(torch.mean(deltas, dim=0))
        if i > 0:
            before = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * before.act.get_gradient(before.last_zin)
