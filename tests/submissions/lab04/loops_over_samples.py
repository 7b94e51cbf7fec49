"""Did not trust matrix products and wrote explicit loops over samples and units, in every
function. Slow, but right."""

# base: solution
# loses: none

# %% single_sample_gradients
def single_sample_gradients(z_prev, delta):
    n = len(z_prev)
    m = len(delta)
    weight_grad = z_prev.new_zeros(n, m)
    bias_grad = z_prev.new_zeros(m)
    for i in range(m):
        for j in range(n):
            weight_grad[j, i] = delta[i] * z_prev[j]
        bias_grad[i] = delta[i]
    return weight_grad, bias_grad

# %% batch_deltas
def batch_deltas(deltas, weight, z_in):
    result = torch.zeros_like(z_in)
    for s in range(z_in.shape[0]):
        for i in range(z_in.shape[1]):
            total = 0
            for k in range(deltas.shape[1]):
                total = total + deltas[s, k] * weight[i, k]
            result[s, i] = total * (1 - torch.tanh(z_in[s, i]) ** 2)
    return result

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    loss_grad = self.loss.get_gradient(y, y_pred)

    # start with zeros everywhere, then add up one sample after the other
    for layer in self.layers:
        layer.set_weight_gradient(torch.zeros_like(layer.get_weight()))
        layer.set_bias_gradient(torch.zeros_like(layer.get_bias()))

    for s in range(len(x)):
        last = self.layers[-1]
        delta = loss_grad[s].reshape(-1) * last.act.get_gradient(last.last_zin[s])
        for l in range(len(self.layers) - 1, -1, -1):
            layer = self.layers[l]
            layer.linear.weight_grad += torch.outer(layer.last_input[s], delta)
            layer.linear.bias_grad += delta
            if l > 0:
                before = self.layers[l - 1]
                delta = (layer.get_weight() @ delta) * before.act.get_gradient(before.last_zin[s])

# %% [markdown] eq6
# Every sample $i$ gives the matrix $z_{out} \delta^T$ from part 2. All samples use the same $W$, so by the
# chain rule the gradients are added:
#
# $$\frac{\partial L}{\partial W_{jk}} = \sum_i Z_{ij,out} \Delta_{ik}$$
#
# which is row $j$ of $Z^T$ times column $k$ of $\Delta$.
