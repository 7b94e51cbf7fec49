"""Fills unknown ages with the mean, where the rows should go."""

# base: solution
# notebook: titanic
# loses: prepare

# %% prepare
def prepare(passengers):
    df = passengers.copy()
    df["Age"] = df["Age"].fillna(df["Age"].mean())
    male = (df["Sex"] == "male").astype(int)
    young = ((df["Sex"] == "male") & (df["Age"] < 5)).astype(int)
    return pd.DataFrame({"male": male, "age": df["Age"], "is_young_male": young}), df["Survived"]
