"""Drops everybody with a gap in any column, an unknown cabin included."""

# base: solution
# notebook: titanic
# loses: prepare

# %% prepare
def prepare(passengers):
    df = passengers.dropna()
    male = (df["Sex"] == "male").astype(int)
    young = ((df["Sex"] == "male") & (df["Age"] < 5)).astype(int)
    return pd.DataFrame({"male": male, "age": df["Age"], "is_young_male": young}), df["Survived"]
