"""Functions of a pandas table."""

import numpy as np
import pandas as pd
import pytest

from deltarule import judging
from deltarule.errors import JudgingError


def draw(rng):
    rows = int(rng.integers(8, 15))
    age = [None if rng.random() < 0.3 else float(rng.uniform(1, 80)) for _ in range(rows)]
    return {
        "name": [f"P{row}" for row in range(rows)],
        "age": [30.5, None, *age[2:]],
        "sex": ["male", "female", *rng.choice(["male", "female"], rows - 2)],
        "fare": rng.uniform(5, 500, rows),
        "survived": rng.integers(0, 2, rows),
    }


def prepared(columns):
    known = [age for age in columns["age"] if age is not None]
    fare = np.array(columns["fare"])
    features = {
        "age": [np.median(known) if age is None else age for age in columns["age"]],
        "male": [int(sex == "male") for sex in columns["sex"]],
        "fare": (fare - fare.mean()) / fare.std(),
    }
    return features, {"survived": columns["survived"]}


def prepare(table):
    features = pd.DataFrame(
        {
            "age": table["age"].fillna(table["age"].median()),
            "male": (table["sex"] == "male").astype(int),
            "fare": (table["fare"] - table["fare"].mean()) / table["fare"].std(ddof=0),
        }
    )
    return features, table["survived"]


def then(change):
    return lambda table: change(*prepare(table))


def in_place(table):
    table["age"] = table["age"].fillna(table["age"].median())
    return prepare(table)


@pytest.mark.parametrize(
    "student",
    [
        prepare,
        then(lambda x, y: (x.assign(male=x["male"].astype(bool)), y.astype(float))),
        then(lambda x, y: (x.astype(np.float32), y.to_frame())),
        then(lambda x, y: (x.set_axis(range(7, 7 + len(x))), y.rename("outcome"))),
        then(lambda x, y: (x.convert_dtypes(), y.astype("Int64"))),
        then(lambda x, y: [x.astype(object), y.astype("category")]),
        lambda table: in_place(table.copy()),
    ],
)
def test_the_same_table_written_differently_is_accepted(judged, student):
    found = judged(judging.tables, [student], prepared, draw)
    assert found.credit == 1.0, found.message


@pytest.mark.parametrize(
    ("student", "credit", "said"),
    [
        (then(lambda x, y: (x[["male", "age", "fare"]], y)), 0.5, "`male` where `age` should be"),
        (then(lambda x, y: (x.drop(columns="fare"), y)), 0.5, "lacks the column `fare`"),
        (then(lambda x, y: (x.assign(deck=1), y)), 0.5, "has the column `deck`, which should not"),
        (then(lambda x, y: (x.assign(male=1 - x["male"]), y)), 0.5, "in column `male` in row 0"),
        (then(lambda x, y: (x.iloc[1:], y)), 0.5, "rows, expected"),
        (then(lambda x, y: (x.assign(fare=0.97 * x["fare"]), y)), 0.5, "in column `fare`"),
        (then(lambda x, y: (x.assign(male="male"), y)), 0.5, "has 'male' in column `male`"),
        (then(lambda x, y: (pd.concat([x, x[["age"]]], axis=1), y)), 0.5, "two columns of one"),
        (then(lambda x, y: (x.to_numpy(), y)), 0.5, "is of type numpy array"),
        (then(lambda x, y: (x, y.tolist())), 0.5, "table 2 is of type list"),
        (then(lambda x, y: (x, 1 - y)), 0.5, "table 2 has"),
        (then(lambda x, y: x), 0.0, "should return 2 tables, and returns 1"),
        (
            lambda table: (prepare(table)[0].assign(age=table["age"]), table["survived"]),
            0.5,
            "miss",
        ),
        (lambda table: None, 0.0, "`return`"),
        (lambda table: table["deck"], 0.0, "KeyError"),
        (in_place, 0.0, "changes its argument"),
        (lambda table: (table.drop(columns="age", inplace=True), table)[::-1], 0.0, "changes its"),
    ],
)
def test_mistakes_lose_their_table_and_name_the_place(judged, student, credit, said):
    found = judged(judging.tables, [student], prepared, draw)
    assert found.credit == credit, found.message
    assert said in found.message


def test_a_wrong_row_is_told_by_what_else_should_stand_in_it(judged):
    reference = lambda columns: {"age": columns["age"], "sex": columns["sex"], "child": [1, 0]}  # noqa: E731
    given = lambda rng: {"age": [5.0, None], "sex": ["male", "female"]}  # noqa: E731
    found = judged(judging.tables, [lambda table: table.assign(child=[1, 1])], reference, given)
    assert "expected 0 beside `age` a missing value, `sex` 'female'; 1 of 2 rows" in found.message


def test_missing_values_are_equal_however_they_are_written(judged):
    reference = lambda columns: {"age": columns["age"], "sex": [None, *columns["sex"][1:]]}  # noqa: E731

    def student(missing):
        return lambda table: pd.DataFrame(
            {
                "age": table["age"],
                "sex": table["sex"].astype(object).where(table.index > 0, missing),
            }
        )

    for missing in (None, float("nan"), pd.NA):
        assert judged(judging.tables, [student(missing)], reference, draw).credit == 1.0
    assert judged(judging.tables, [student("")], reference, draw).credit == 0.0


def test_a_list_asks_for_a_series(judged):
    reference = lambda columns: columns["age"]  # noqa: E731
    assert judged(judging.tables, [lambda table: table["age"]], reference, draw).credit == 1.0
    frame = judged(judging.tables, [lambda table: table[["age"]]], reference, draw)
    assert frame.credit == 0.0
    assert "where a Series should be" in frame.message


def test_a_mistake_is_named(judged):
    def not_filled(reference):
        def wrong(columns):
            features, outcome = reference(columns)
            return {**features, "age": columns["age"]}, outcome

        return wrong

    mistake = judging.FunctionMisconception("ages-not-filled", "Ages are missing.", "?", not_filled)
    student = lambda table: (prepare(table)[0].assign(age=table["age"]), table["survived"])  # noqa: E731
    found = judged(judging.tables, [student], prepared, draw, mistakes=[mistake])
    assert found.diagnosis["name"] == "ages-not-filled"


def test_columns_of_different_lengths_are_the_authors_error():
    with pytest.raises(JudgingError, match="different lengths"):
        judging.tables(prepare, prepared, lambda rng: {"a": [1], "b": [1, 2]})
    with pytest.raises(JudgingError, match="dict of columns"):
        judging.tables(prepare, lambda columns: 3, draw)
