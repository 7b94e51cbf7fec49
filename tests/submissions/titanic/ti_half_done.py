"""Stopped after the model: no training step, no network."""

# base: release
# notebook: titanic
# loses: training_step, mlp_forward, mlp_hidden

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
