"""Goes through the units one after the other: a unit's delta for all samples at once is a column,
and its weights' gradients are dot products with the columns of the input. Also in forward and in
the update."""

# base: solution
# loses: none

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    columns = [z_prev * d for d in delta]
    return torch.stack(columns, dim=1), delta

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    back = torch.empty_like(z_in)
    for i in range(weight.shape[0]):
        column = torch.zeros_like(z_in[:, i])
        for k in range(weight.shape[1]):
            column += deltas[:, k] * weight[i, k]
        back[:, i] = column * (1 - z_in[:, i].tanh().square())
    return back

# %% NeuralNetwork.forward
def forward(self, x):
    out = x
    for layer in self.layers:
        layer.last_input = out
        w, b = layer.get_weight(), layer.get_bias()
        columns = []
        for i in range(w.shape[1]):
            z = b[i].repeat(len(x))
            for j in range(w.shape[0]):
                z = z + w[j, i] * out[:, j]
            columns.append(z)
        layer.last_zin = torch.stack(columns, 1)
        layer.last_zout = layer.act.forward(layer.last_zin)
        out = layer.last_zout
    return out[:, 0]

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    n_layers = len(self.layers)
    delta = {}  # (layer, unit) -> column with one entry per sample

    for l in range(n_layers - 1, -1, -1):
        layer = self.layers[l]
        weight_grad = torch.zeros_like(layer.get_weight())
        bias_grad = torch.zeros_like(layer.get_bias())
        slope = layer.act.get_gradient(layer.last_zin)
        for i in range(weight_grad.shape[1]):
            if l == n_layers - 1:
                upstream = self.loss.get_gradient(y, y_pred)
            else:
                above = self.layers[l + 1].get_weight()
                upstream = 0
                for k in range(above.shape[1]):
                    upstream = upstream + delta[l + 1, k] * above[i, k]
            delta[l, i] = upstream * slope[:, i]
            bias_grad[i] = delta[l, i].sum()
            for j in range(weight_grad.shape[0]):
                weight_grad[j, i] = torch.dot(layer.last_input[:, j], delta[l, i])
        layer.set_weight_gradient(weight_grad)
        layer.set_bias_gradient(bias_grad)

# %% NeuralNetwork.apply_gradients
def apply_gradients(self, learning_rate):
    for layer in self.layers:
        linear = layer.linear
        for i in range(linear.weight.shape[1]):
            for j in range(linear.weight.shape[0]):
                linear.weight[j, i] -= learning_rate * linear.weight_grad[j, i]
            linear.bias[i] -= learning_rate * linear.bias_grad[i]
