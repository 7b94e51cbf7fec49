"""The loop over the samples ends after its first turn (a `break` at the wrong depth), and the output
delta lacks the slope of the sigmoid."""

# base: solution
# loses: backward
# misconception: only-first-sample+output-derivative-missing

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    loss_grad = self.loss.get_gradient(y, y_pred)
    for s in range(len(x)):
        delta = loss_grad[s : s + 1]
        for l in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[l]
            layer.set_weight_gradient(torch.outer(layer.last_input[s], delta))
            layer.set_bias_gradient(delta)
            if l > 0:
                prev = self.layers[l - 1]
                delta = layer.get_weight() @ delta * prev.act.get_gradient(prev.last_zin[s])
        break
