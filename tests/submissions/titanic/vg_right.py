"""Everything is right, written a little differently, and the written answers are short."""

# base: solution
# notebook: vanishing_gradients
# loses: none

# %% DeepMLP.__init__
def __init__(self, inputs, width, depth, activation):
    super().__init__()
    self.act = activation
    self.layers = nn.ModuleList()
    for i in range(depth):
        self.layers.append(nn.Linear(inputs if i == 0 else width, width))
    self.layers.append(nn.Linear(width if depth > 0 else inputs, 1))

# %% DeepMLP.forward
def forward(self, x):
    *hidden, last = self.layers
    for layer in hidden:
        x = self.act(layer(x))
    return torch.sigmoid(last(x))[:, 0]

# %% conv2d
def conv2d(image, kernel, padding=0):
    h, w = image.shape
    k, l = kernel.shape
    framed = nn.functional.pad(image, (padding, padding, padding, padding))
    result = 0
    for a in range(k):
        for b in range(l):
            rows = slice(a, a + h + 2 * padding - k + 1)
            columns = slice(b, b + w + 2 * padding - l + 1)
            result = result + kernel[a, b] * framed[rows, columns]
    return result

# %% [markdown] where_it_is_lost
# The slope of the sigmoid is at most 1/4 and almost 0 when s is large, so it makes the gradient
# smaller. Weights above 4 could cancel that, but they make s large. More units mean more terms in
# the sum, which helps, but they have different signs.

# %% [markdown] relu_or_sigmoid
# a' is 1 for positive s, so nothing is lost on active paths, and 0 for negative s. The gradient can
# still explode, because of the weights.
