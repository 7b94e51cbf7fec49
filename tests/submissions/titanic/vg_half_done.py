"""Did the first exercise and stopped there; the rest is as it was handed out."""

# base: release
# notebook: vanishing_gradients
# loses: conv2d, conv_output_size, conv_shapes, traced_shapes, parameter_counts

# %% DeepMLP.__init__
def __init__(self, inputs, width, depth, activation):
    super().__init__()
    sizes = [inputs] + depth * [width] + [1]
    self.activation = activation
    self.layers = nn.ModuleList([nn.Linear(sizes[i], sizes[i + 1]) for i in range(depth + 1)])

# %% DeepMLP.forward
def forward(self, x):
    for i in range(len(self.layers) - 1):
        x = self.activation(self.layers[i](x))
    x = torch.sigmoid(self.layers[-1](x))
    return x.squeeze(1)

# %% gradient_magnitudes
def gradient_magnitudes(model, x, y):
    model.zero_grad()
    nn.BCELoss()(model(x), y).backward()
    result = []
    for module in model.modules():
        if type(module) is nn.Linear:
            result.append(float(abs(module.weight.grad).mean()))
    return result

# %% [markdown] where_it_is_lost
# The sigmoid's derivative is below 1, so the gradient gets smaller with each layer.
