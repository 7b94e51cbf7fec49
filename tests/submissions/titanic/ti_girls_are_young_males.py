"""Forgets that the third column is about boys only."""

# base: solution
# notebook: titanic
# loses: prepare

# %% prepare
def prepare(passengers):
    df = passengers[passengers["Age"].notna()]
    features = pd.DataFrame({
        "male": (df["Sex"] == "male").astype(int),
        "age": df["Age"],
        "is_young_male": (df["Age"] < 5).astype(int),
    })
    return features, df["Survived"]
