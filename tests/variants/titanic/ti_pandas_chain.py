"""One chain of pandas methods, dummies by map, ages compared by lt."""

# base: solution
# notebook: titanic
# loses: none

# %% prepare
def prepare(passengers):
    known = (
        passengers.dropna(subset=["Age"])
        .assign(male=lambda t: t["Sex"].map({"male": 1, "female": 0}))
        .assign(is_young_male=lambda t: t["male"] * t["Age"].lt(5))
        .rename(columns={"Age": "age"})
        .reset_index(drop=True)
    )
    return known.loc[:, ["male", "age", "is_young_male"]], known.pop("Survived")
