"""Works on copies of the weights and updates each copy as soon as its gradient is known, with step 1;
the deltas then go back through the updated copy."""

# base: solution
# loses: backward
# misconception: delta-through-updated-weights

# %% NeuralNetwork.backward
def backward(self, x, y):
    y_pred = self.forward(x)
    weights = [layer.get_weight().clone() for layer in self.layers]

    def walk(l, upstream):
        if l < 0:
            return
        layer = self.layers[l]
        delta = upstream * layer.act.get_gradient(layer.last_zin)
        layer.set_weight_gradient(layer.last_input.T @ delta)
        layer.set_bias_gradient(delta.sum(dim=0))
        weights[l] -= layer.linear.weight_grad
        walk(l - 1, delta @ weights[l].T)

    walk(len(self.layers) - 1, self.loss.get_gradient(y, y_pred).unsqueeze(-1))
