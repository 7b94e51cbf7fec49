"""Takes all windows at once by `unfold`, keeps layers in named records, and makes shapes by `match`."""

# base: solution
# notebook: vanishing_gradients
# loses: none

# %% DeepMLP.__init__
def __init__(self, inputs, width, depth, activation):
    super().__init__()
    hidden = [nn.Linear(inputs, width)] if depth else []
    hidden += [nn.Linear(width, width) for _ in range(depth - 1)]
    self.layers = nn.ModuleList([*hidden, nn.Linear(width if depth else inputs, 1)])
    self.hidden_activation = activation

# %% DeepMLP.forward
def forward(self, x):
    for number, layer in enumerate(self.layers, start=1):
        x = layer(x)
        x = x.sigmoid() if number == len(self.layers) else self.hidden_activation(x)
    return x.flatten()

# %% conv2d
def conv2d(image, kernel, padding=0):
    padded = nn.functional.pad(image, [padding] * 4)
    windows = padded.unfold(0, kernel.shape[0], 1).unfold(1, kernel.shape[1], 1)
    return torch.einsum("ijab,ab->ij", windows, kernel)

# %% conv_shapes
def conv_shapes(shape, layers):
    shapes = [tuple(shape)]
    for layer in layers:
        last = shapes[-1]
        match layer:
            case ("conv", channels, kernel, stride, padding):
                sides = [conv_output_size(side, kernel, stride, padding) for side in last[1:]]
                shapes.append((channels, *sides))
            case ("pool", kernel, stride):
                shapes.append((last[0], *(conv_output_size(side, kernel, stride) for side in last[1:])))
            case ("flatten",):
                shapes.append((math.prod(last),))
            case ("linear", features):
                shapes.append((features,))
            case _:
                shapes.append(last)
    return shapes[1:]
