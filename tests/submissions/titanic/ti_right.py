"""Everything right, and the written answers are there."""

# base: solution
# notebook: titanic
# loses: none

# %% prepare
def prepare(passengers):
    df = passengers.dropna(subset=["Age"])
    X = pd.DataFrame()
    X["male"] = (df["Sex"] == "male").astype(int)
    X["age"] = df["Age"]
    X["is_young_male"] = ((df["Sex"] == "male") & (df["Age"] < 5)).astype(int)
    return X, df["Survived"]

# %% LogisticRegressionPytorch
class LogisticRegressionPytorch(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 1)

    def forward(self, x):
        z = self.linear(x).squeeze(-1)
        return z.sigmoid()

# %% training_step
def training_step(model, optimiser, x, y):
    optimiser.zero_grad()
    loss = nn.BCELoss()(model(x), y)
    loss.backward()
    optimiser.step()
    return float(loss.detach())

# %% TitanicMLP
class TitanicMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear_1 = nn.Linear(2, 2)
        self.linear_2 = nn.Linear(2, 1)

    def hidden(self, x):
        return self.linear_1(x).sigmoid()

    def forward(self, x):
        h = self.hidden(x)
        return self.linear_2(h).sigmoid()[:, 0]

# %% [markdown] coefficients
# 1. The odds of a man are 0.036 times those of a woman of the same age. Every year multiplies the
# odds by 1.04. A boy under five has 9.5 times the odds of an older male, apart from the years.
#
# 2. A year is a small step. Over 40 years the factor is exp(40 * 0.0375) = 4.5.

# %% [markdown] converged
# No: the gradient is 0.006 and still falls, and is_young_male is far from the dotted line. The
# recorded run arrives at about 125,000 epochs, where the gradient is below 1e-5.
