"""Gradescope's results.json."""

import json

from deltarule.reporting.gradescope import gradescope_record

VISIBILITY = {"hidden", "after_due_date", "after_published", "visible"}
FORMATS = {"text", "html", "simple_format", "md", "ansi"}


def test_each_automatic_test_has_its_points_and_its_message(result):
    record = gradescope_record(result)
    shown = {t["name"]: (t["score"], t["max_score"], t["status"]) for t in record["tests"]}
    assert shown == {
        "forward": (2.0, 2.0, "passed"),
        "backward": (1.0, 4.0, "failed"),
        "get_loss": (0.0, 1.0, "failed"),
        "train": (0.0, 2.5, "failed"),
    }
    backward = record["tests"][1]["output"]
    assert backward.startswith("6 of 6 values differ The gradients are those of the sum")
    assert backward.endswith("Where does its 1/N show up?")
    assert record["tests"][0]["output"] == ""


def test_the_total_is_left_to_gradescope_and_written_answers_to_people(result):
    record = gradescope_record(result)
    assert "score" not in record
    assert record["output"] == "3 of 9.5 automatic points.\nTo be graded by hand: eq1."


def test_the_record_has_the_types_and_words_that_gradescope_documents(hostile):
    record = json.loads(json.dumps(gradescope_record(hostile)))
    assert isinstance(record["execution_time"], int)
    assert record["stdout_visibility"] == "hidden"
    assert record["visibility"] in VISIBILITY
    assert {record[f"{k}_format"] for k in ("output", "test_output", "test_name")} == {"text"}
    assert "text" in FORMATS
    for test in record["tests"]:
        assert 0 <= test["score"] <= test["max_score"]
        assert test["status"] in {"passed", "failed"}
        assert test["visibility"] in VISIBILITY
        assert isinstance(test["output"], str)
