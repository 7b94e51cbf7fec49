"""Measures on a deep copy, with a hook that catches each gradient on its way."""

# base: solution
# notebook: vanishing_gradients
# loses: none

# %% DeepMLP.__init__
def __init__(self, inputs, width, depth, activation):
    super().__init__()
    self.layers = nn.ModuleList()
    n = inputs
    for _ in range(depth):
        self.layers.append(nn.Linear(n, width))
        n = width
    self.layers.append(nn.Linear(n, 1))
    self.stages = [activation] * depth + [torch.sigmoid]

# %% DeepMLP.forward
def forward(self, x):
    for layer, stage in zip(self.layers, self.stages):
        x = stage(nn.functional.linear(x, layer.weight, layer.bias))
    return x.view(x.shape[0])

# %% gradient_magnitudes
def gradient_magnitudes(model, x, y):
    import copy

    model = copy.deepcopy(model)
    caught = {}
    linears = [part for part in model.modules() if isinstance(part, nn.Linear)]
    for number, part in enumerate(linears):
        part.weight.register_hook(lambda grad, number=number: caught.__setitem__(number, grad))
    nn.functional.binary_cross_entropy(model(x), y, reduction="sum").div(len(y)).backward()
    return [torch.linalg.vector_norm(caught[i], 1).item() / caught[i].numel() for i in range(len(caught))]
