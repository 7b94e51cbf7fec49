"""A sheet turns verdicts into points: a finite float between 0 and the points, or an error."""

import json

import pytest

from deltarule.errors import JudgingError
from deltarule.judging import VERDICT_MIME, Sheet, Verdict
from deltarule.judging.verdicts import credit_of, file_verdict


def test_the_mean_credit_is_scaled_to_the_points():
    sheet = Sheet("backward", points=4)
    file_verdict(Verdict("a", 1.0, "fine"))
    file_verdict(Verdict("b", 0.5, "half"))
    assert sheet.score() == 3.0


def test_a_test_that_judges_nothing_is_an_error_not_full_marks():
    with pytest.raises(JudgingError, match="judged nothing"):
        Sheet("empty", points=4).score()


@pytest.mark.parametrize("credit", [float("nan"), float("inf"), -0.1, 1.1])
def test_credit_outside_zero_to_one_is_an_error(credit):
    with pytest.raises(JudgingError, match="credit"):
        Verdict("x", credit, "")


def test_verdicts_of_a_cell_that_broke_off_do_not_leak_into_the_next():
    Sheet("first", points=1)
    file_verdict(Verdict("a", 0.0, "wrong"))
    second = Sheet("second", points=2)
    file_verdict(Verdict("b", 1.0, "right"))
    assert second.score() == 2.0


def test_a_verdict_without_a_sheet_is_just_returned():
    sheet = Sheet("closed", points=1)
    file_verdict(Verdict("a", 1.0, "right"))
    sheet.score()
    assert file_verdict(Verdict("b", 0.0, "by hand")).credit == 0.0
    assert len(sheet.verdicts) == 1


def test_nbgrader_reads_the_number_and_the_student_reads_the_sentence():
    sheet = Sheet("backward", points=4)
    file_verdict(Verdict("gradients", 0.5, "the <bias> gradient is wrong", margin=0.1))
    bundle = sheet.score()._repr_mimebundle_()
    assert float(bundle["text/plain"]) == 2.0
    assert "&lt;bias&gt;" in bundle["text/html"]
    record = json.loads(json.dumps(bundle[VERDICT_MIME]))
    assert record["score"] == 2.0
    assert record["margin"] == 0.1
    assert record["seed"] == sheet.seed


def test_ipython_displays_the_bundle_as_it_is():
    from IPython.core.formatters import DisplayFormatter

    sheet = Sheet("forward", points=3)
    file_verdict(Verdict("outputs", 1.0, "right"))
    data, _ = DisplayFormatter().format(sheet.score())
    assert data["text/plain"] == "3.0"
    assert "forward: 3 of 3 points" in data["text/html"]


def test_seed_from_the_environment_is_used_and_recorded(monkeypatch):
    monkeypatch.setenv("DELTARULE_SEED", "1234")
    assert Sheet("x", points=1).seed == 1234
    monkeypatch.delenv("DELTARULE_SEED")
    assert Sheet("x", points=1).seed != Sheet("x", points=1).seed


def test_a_group_counts_only_if_all_its_members_are_right():
    assert credit_of({"a": [True, True], "b": [True, False]}) == 0.5
    with pytest.raises(JudgingError):
        credit_of({"a": []})
