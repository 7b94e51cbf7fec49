"""Counts a boy of exactly five years as under five."""

# base: solution
# notebook: titanic
# loses: prepare

# %% prepare
def prepare(passengers):
    known = passengers[passengers["Age"].notna()]
    male = known["Sex"].eq("male").astype(int)
    young = known["Age"].le(5).astype(int)
    return pd.DataFrame({"male": male, "age": known["Age"], "is_young_male": male * young}), known["Survived"]
