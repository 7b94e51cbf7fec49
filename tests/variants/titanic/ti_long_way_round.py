"""Loops over rows and plain lists where pandas would do."""

# base: solution
# notebook: titanic
# loses: none

# %% prepare
def prepare(passengers):
    male, age, young, outcome = [], [], [], []
    for _, row in passengers.iterrows():
        if pd.isna(row["Age"]):
            continue
        male.append(1.0 if row["Sex"] == "male" else 0.0)
        age.append(row["Age"])
        young.append(1.0 if row["Sex"] == "male" and row["Age"] < 5 else 0.0)
        outcome.append(row["Survived"])
    features = pd.DataFrame({"male": male, "age": age, "is_young_male": young}).astype(float)
    return features, pd.Series(outcome, name="survived").astype(int)

# %% LogisticRegressionPytorch
class LogisticRegressionPytorch(nn.Module):
    def __init__(self):
        nn.Module.__init__(self)
        self.linear = nn.Linear(in_features=3, out_features=1, bias=True)

    def forward(self, x):
        return torch.stack([1 / (1 + torch.exp(-self.linear(row)[0])) for row in x])

# %% TitanicMLP
class TitanicMLP(nn.Module):
    def __init__(self):
        nn.Module.__init__(self)
        self.linear_2 = nn.Linear(2, 1)
        self.linear_1 = nn.Linear(2, 2)

    def hidden(self, x):
        return torch.stack([torch.sigmoid(self.linear_1(row)) for row in x])

    def forward(self, x):
        return torch.cat([torch.sigmoid(self.linear_2(row)) for row in self.hidden(x)])
