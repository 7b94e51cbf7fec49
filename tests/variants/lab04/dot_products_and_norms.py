"""The loss is the dot product of the errors with themselves, over their number; in training it is
taken from the norm. The layers are visited with a `deque`."""

# base: solution
# loses: none

# %% NeuralNetwork.forward
def forward(self, x):
    from collections import deque

    queue = deque(self.layers)
    while queue:
        x = queue.popleft().forward(x)
    return x.select(-1, 0)

# %% NeuralNetwork.get_loss
def get_loss(self, x, y):
    error = self.forward(x) - y
    return torch.dot(error, error) / error.numel()

# %% NeuralNetwork.backward
def backward(self, x, y):
    from collections import deque

    y_pred = self.forward(x)
    stack = deque(self.layers)
    error = y_pred - y
    delta = torch.linalg.norm(error) ** 0 * error.unsqueeze(1) * (2.0 / error.shape[0])
    while stack:
        top = stack.pop()
        delta *= top.act.get_gradient(top.last_zin)
        top.set_weight_gradient(torch.mm(top.last_input.t(), delta))
        top.set_bias_gradient(torch.einsum("nk->k", delta))
        delta = torch.mm(delta, top.get_weight().t())

# %% train
def train(x, y, net, epochs, lr):
    losses = torch.empty(epochs, dtype=net.layers[0].get_weight().dtype)
    for t in range(epochs):
        losses[t] = torch.linalg.norm(net.forward(x) - y) ** 2 / len(y)
        net.backward(x, y)
        net.apply_gradients(lr)
    return net, losses
