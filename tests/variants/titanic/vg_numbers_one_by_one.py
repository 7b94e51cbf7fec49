"""Four nested loops over plain numbers, a count in place of a formula, and lists in place of tuples."""

# base: solution
# notebook: vanishing_gradients
# loses: none

# %% conv2d
def conv2d(image, kernel, padding=0):
    height, width = image.shape
    k, l = kernel.shape
    rows = []
    for i in range(-padding, height + padding - k + 1):
        row = []
        for j in range(-padding, width + padding - l + 1):
            total = 0.0
            for a in range(k):
                for b in range(l):
                    if 0 <= i + a < height and 0 <= j + b < width:
                        total += image[i + a, j + b].item() * kernel[a, b].item()
            row.append(total)
        rows.append(row)
    return torch.tensor(rows, dtype=image.dtype)

# %% conv_output_size
def conv_output_size(size, kernel, stride=1, padding=0):
    count, start = 0, -padding
    while start + kernel <= size + padding:
        count += 1
        start += stride
    return count

# %% conv_shapes
def conv_shapes(shape, layers):
    if not layers:
        return []
    first, *rest = layers
    new = list(shape)
    if first[0] == "conv":
        new = [first[1]] + [conv_output_size(n, *first[2:]) for n in shape[1:]]
    if first[0] == "pool":
        new = [shape[0]] + [conv_output_size(n, *first[1:]) for n in shape[1:]]
    if first[0] == "flatten":
        count = 1
        for n in shape:
            count = count * n
        new = [count]
    if first[0] == "linear":
        new = [first[1]]
    return [new] + conv_shapes(new, rest)
