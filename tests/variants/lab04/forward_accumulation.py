"""Goes forward instead of backward: for each parameter, carries the derivative of the outputs with
respect to it through the layers above, and multiplies by the loss gradient at the very end. Slower
for large networks, but the same numbers."""

# base: solution
# loses: none

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    loss_gradient = self.loss.get_gradient(y, y_pred)
    slopes = [layer.act.get_gradient(layer.last_zin) for layer in self.layers]

    def to_the_end(tangent, start):
        """tangent: d z_in of layer `start` / d parameter, shape (parameters, N, units)."""
        for l in range(start, len(self.layers)):
            if l > start:
                tangent = tangent @ self.layers[l].get_weight()
            tangent = tangent * slopes[l]
        return (tangent[..., 0] * loss_gradient).sum(dim=-1)

    for l, layer in enumerate(self.layers):
        n_in, n_out = layer.get_weight().shape
        unit = torch.eye(n_out, dtype=x.dtype)
        a = layer.last_input
        # parameter (j, i) moves unit i by a_j
        tangent = torch.einsum("sj,ik->jisk", a, unit).reshape(n_in * n_out, len(a), n_out)
        layer.set_weight_gradient(to_the_end(tangent, l).reshape(n_in, n_out))
        layer.set_bias_gradient(to_the_end(unit[:, None, :].expand(-1, len(a), -1), l))
