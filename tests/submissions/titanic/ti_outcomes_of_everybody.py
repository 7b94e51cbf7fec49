"""Drops rows of the features, but returns the outcomes of all passengers."""

# base: solution
# notebook: titanic
# loses: prepare

# %% prepare
def prepare(passengers):
    df = passengers[passengers["Age"].notna()]
    male = df["Sex"] == "male"
    features = pd.DataFrame({
        "male": male.astype(int), "age": df["Age"], "is_young_male": (male & (df["Age"] < 5)).astype(int),
    })
    return features, passengers["Survived"]
