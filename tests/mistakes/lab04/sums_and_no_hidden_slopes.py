"""Works per sample with the sample's own squared error, never divides, and leaves the slopes of the
hidden layers out."""

# base: solution
# loses: backward
# misconception: missing-batch-mean+hidden-derivative-missing

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    dW = [0] * len(self.layers)
    db = [0] * len(self.layers)
    for s in range(len(x)):
        p = y_pred[s]
        delta = (2 * (p - y[s]) * p * (1 - p)).reshape(1)
        for l in range(len(self.layers) - 1, -1, -1):
            dW[l] = dW[l] + torch.outer(self.layers[l].last_input[s], delta)
            db[l] = db[l] + delta
            delta = self.layers[l].get_weight() @ delta
    for layer, w, b in zip(self.layers, dW, db):
        layer.set_weight_gradient(w)
        layer.set_bias_gradient(b)
