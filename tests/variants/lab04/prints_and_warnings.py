"""Left the debugging in: `backward` runs forward twice to be sure, prints shapes and warns about
large gradients, and `train` calls it twice per epoch. The numbers are right."""

# base: solution
# loses: none

# %% NeuralNetwork.backward
def backward(self, x, y):
    import warnings

    y_pred = self.forward(x)
    y_pred = self.forward(x)
    print("x", x.shape, "y", y.shape, "y_pred", y_pred.shape)

    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1)
    print("deltas before", deltas.shape)
    deltas = deltas * self.layers[-1].act.get_gradient(self.layers[-1].last_zin)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        W = layer.get_weight()
        print(f"layer {i}: W {tuple(W.shape)}, deltas {tuple(deltas.shape)}")
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas.sum(dim=0))
        norm = layer.linear.weight_grad.norm()
        if norm > 1e-3:
            warnings.warn("a large gradient")
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ W.T * prev.act.get_gradient(prev.last_zin)
    print("done!")

# %% train
def train(x, y, net, epochs, lr):
    losses = []
    for epoch in range(1, epochs + 1):
        net.backward(x, y)  # first time for checking
        loss = net.get_loss(x, y)
        net.backward(x, y)
        net.apply_gradients(lr)
        losses += [loss]
        show_progress(epoch, epochs, loss)
    return [net, torch.stack(losses)]
