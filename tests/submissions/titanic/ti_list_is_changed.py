"""Writes the new columns into the list that it was given."""

# base: solution
# notebook: titanic
# loses: prepare

# %% prepare
def prepare(passengers):
    passengers["male"] = (passengers["Sex"] == "male").astype(int)
    passengers["age"] = passengers["Age"]
    passengers["is_young_male"] = ((passengers["male"] == 1) & (passengers["age"] < 5)).astype(int)
    known = passengers.dropna(subset=["Age"])
    return known[["male", "age", "is_young_male"]], known["Survived"]
