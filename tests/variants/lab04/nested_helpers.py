"""Likes small pieces: a nested class for a bag of gradients, helper functions inside of `backward`,
gradients collected in a dictionary and stored in one go, from the first layer to the last."""

# base: solution
# loses: none

# %% NeuralNetwork.backward
def backward(self, x, y):
    class Gradients:
        def __init__(self, a, delta):
            self.weight = a.T @ delta
            self.bias = delta.sum(dim=0)

    def slope(number):
        return self.layers[number].act.get_gradient(self.layers[number].last_zin)

    def delta_of(number):
        if number not in known:
            if number == last:
                known[number] = (self.loss.get_gradient(y, y_pred).unsqueeze(-1)) * slope(number)
            else:
                weight = self.layers[number + 1].get_weight()
                known[number] = delta_of(number + 1) @ weight.T * slope(number)
        return known[number]

    y_pred = self.forward(x)
    last = len(self.layers) - 1
    known = {}
    bags = {n: Gradients(layer.last_input, delta_of(n)) for n, layer in enumerate(self.layers)}
    for n, bag in bags.items():
        self.layers[n].set_weight_gradient(bag.weight)
        self.layers[n].set_bias_gradient(bag.bias)

# %% NeuralNetwork.apply_gradients
def apply_gradients(self, learning_rate):
    def moved(parameter, gradient):
        return torch.lerp(parameter, parameter - gradient, learning_rate)

    for layer in self.layers:
        layer.linear.weight = moved(layer.linear.weight, layer.linear.weight_grad)
        layer.linear.bias = moved(layer.linear.bias, layer.linear.bias_grad)
