"""Sends the samples through the network one by one, in `forward` too, and fills the memories of
the layers by stacking what each sample left there."""

# base: solution
# loses: none

# %% NeuralNetwork.forward
def forward(self, x):
    seen = []
    outputs = []
    for sample in x:
        row = sample[None, :]
        notes = []
        for layer in self.layers:
            row = layer.forward(row)
            notes.append((layer.last_input, layer.last_zin, layer.last_zout))
        seen.append(notes)
        outputs.append(row[0, 0])
    # the layers remember only the last sample, backward needs all of them
    for i, layer in enumerate(self.layers):
        layer.last_input = torch.cat([notes[i][0] for notes in seen])
        layer.last_zin = torch.cat([notes[i][1] for notes in seen])
        layer.last_zout = torch.cat([notes[i][2] for notes in seen])
    return torch.stack(outputs)

# %% NeuralNetwork.get_loss
def get_loss(self, x, y):
    total = 0
    for p, t in zip(self.forward(x), y):
        total = total + (p - t) ** 2
    return total / len(y)

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    grads = self.loss.get_gradient(y, y_pred)

    for layer in self.layers:
        layer.linear.weight_grad = 0
        layer.linear.bias_grad = 0

    for s in range(x.size(0)):
        delta = None
        for l, layer in reversed(list(enumerate(self.layers))):
            slope = layer.act.get_gradient(layer.last_zin[s])
            if delta is None:
                delta = grads[s] * slope
            else:
                delta = torch.mv(self.layers[l + 1].get_weight(), delta) * slope
            layer.linear.weight_grad = layer.linear.weight_grad + torch.outer(layer.last_input[s], delta)
            layer.linear.bias_grad = layer.linear.bias_grad + delta
