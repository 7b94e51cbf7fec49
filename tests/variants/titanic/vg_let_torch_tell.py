"""Builds the layers in PyTorch, sends zeros through them and writes down what comes out."""

# base: solution
# notebook: vanishing_gradients
# loses: none

# %% conv2d
def conv2d(image, kernel, padding=0):
    return nn.functional.conv2d(image[None, None], kernel[None, None], padding=padding)[0, 0]

# %% conv_output_size
def conv_output_size(size, kernel, stride=1, padding=0):
    line = torch.zeros(1, 1, size)
    return nn.functional.conv1d(line, torch.zeros(1, 1, kernel), stride=stride, padding=padding).shape[-1]

# %% conv_shapes
def conv_shapes(shape, layers):
    x = torch.zeros(1, *shape)
    shapes = []
    for kind, *numbers in layers:
        if kind == "conv":
            layer = nn.Conv2d(x.shape[1], *numbers)
        elif kind == "pool":
            layer = nn.MaxPool2d(*numbers)
        elif kind == "relu":
            layer = nn.ReLU()
        elif kind == "flatten":
            layer = nn.Flatten()
        else:
            layer = nn.Linear(x.shape[1], *numbers)
        x = layer(x).detach()
        shapes.append(x.shape[1:])
    return shapes

# %% traced_shapes
def traced_shapes(samples):
    x = torch.zeros(samples, 1, 8, 8)
    shapes = {"input": tuple(x.shape)}
    for name, part in ConvNet().named_children():
        x = part(x)
        shapes[name] = tuple(x.shape)
    return shapes

# %% parameter_counts
def parameter_counts(first, second):
    parts = {
        "conv1": nn.Conv2d(1, first, 3, padding=1),
        "pool": nn.MaxPool2d(2),
        "conv2": nn.Conv2d(first, second, 3),
        "flatten": nn.Flatten(),
        "linear": nn.Linear(math.prod(conv_shapes((1, 8, 8), [("conv", second, 3, 1, 1), ("pool", 2, 2), ("conv", second, 3, 1, 0)])[-1]), 10),
    }
    return {name: sum(math.prod(one.shape) for one in part.parameters()) for name, part in parts.items()}
