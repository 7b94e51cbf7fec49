"""Calculates the gradient of every sample's own squared error, keeps them in a stack of shape
(N, n_in, n_out), and takes the mean over the stack at the end. So the 1/N sits in the mean and not
in the loss gradient."""

# base: solution
# loses: none

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    stacks_w = [[] for _ in self.layers]
    stacks_b = [[] for _ in self.layers]

    for s in range(len(x)):
        # (p - y)^2 of this sample only
        delta = 2 * (y_pred[s] - y[s]) * self.layers[-1].act.get_gradient(self.layers[-1].last_zin[s])
        for l in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[l]
            stacks_w[l].append(layer.last_input[s].unsqueeze(1) * delta.unsqueeze(0))
            stacks_b[l].append(delta)
            if l:
                delta = layer.get_weight() @ delta
                delta = delta * self.layers[l - 1].act.get_gradient(self.layers[l - 1].last_zin[s])

    for layer, w, b in zip(self.layers, stacks_w, stacks_b):
        layer.set_weight_gradient(torch.stack(w).mean(dim=0))
        layer.set_bias_gradient(torch.stack(b).mean(dim=0))
