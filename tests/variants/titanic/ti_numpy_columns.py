"""NumPy in the middle, and a copy first."""

# base: solution
# notebook: titanic
# loses: none

# %% prepare
def prepare(passengers):
    table = passengers.copy()
    table = table.loc[~np.isnan(table["Age"].to_numpy(dtype=float))]
    male = np.where(table["Sex"] == "male", 1, 0)
    young = np.logical_and(male, table["Age"].to_numpy() < 5).astype(np.int8)
    features = pd.DataFrame(
        np.column_stack([male, table["Age"].to_numpy(), young]), columns=["male", "age", "is_young_male"]
    )
    return features, table["Survived"].astype(float)
