"""Writes the convolution as one large matrix times the image as a vector."""

# base: solution
# notebook: vanishing_gradients
# loses: none

# %% DeepMLP.forward
def forward(self, x):
    def deeper(x, layers):
        first, *rest = layers
        return torch.sigmoid(first(x)) if not rest else deeper(self.activation(first(x)), rest)

    return deeper(x, list(self.layers))[..., 0]

# %% conv2d
def conv2d(image, kernel, padding=0):
    h, w = image.shape
    k, l = kernel.shape
    rows, columns = h + 2 * padding - k + 1, w + 2 * padding - l + 1
    matrix = torch.zeros(rows * columns, h * w, dtype=image.dtype)
    for i in range(rows):
        for j in range(columns):
            for a in range(k):
                for b in range(l):
                    y, x = i + a - padding, j + b - padding
                    if 0 <= y < h and 0 <= x < w:
                        matrix[i * columns + j, y * w + x] = kernel[a, b]
    return (matrix @ image.reshape(-1)).reshape(rows, columns)
