"""Copied equation (3) for one sample: the bias gradient is delta, a whole matrix for a batch. The
check at the end of `backward` complains."""

# base: solution
# loses: backward, train
# misconception: bias-gradient-not-summed

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    output_layer = self.layers[-1]
    deltas = self.loss.get_gradient(y, y_pred).unsqueeze(-1) * output_layer.act.get_gradient(output_layer.last_zin)
    for i in range(len(self.layers) - 1, -1, -1):
        layer = self.layers[i]
        layer.set_weight_gradient(layer.last_input.T @ deltas)
        layer.set_bias_gradient(deltas)
        if i > 0:
            prev = self.layers[i - 1]
            deltas = deltas @ layer.get_weight().T * prev.act.get_gradient(prev.last_zin)

    # A gradient always has the shape of its parameter.
    for number, layer in enumerate(self.layers, start=1):
        linear = layer.linear
        for name, parameter, gradient in (
            ("weight", linear.weight, linear.weight_grad),
            ("bias", linear.bias, linear.bias_grad),
        ):
            if gradient is None or gradient.shape != parameter.shape:
                got = "nothing" if gradient is None else f"shape {tuple(gradient.shape)}"
                raise ValueError(
                    f"layer {number}: the {name} gradient should have shape "
                    f"{tuple(parameter.shape)}, got {got}"
                )
