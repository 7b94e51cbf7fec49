"""The results that the simulated class is drawn from are results, and still the grader's."""

import json
from dataclasses import replace

import jsonschema
import pytest
from record_results import answer_files, record
from simulated_class import recorded

from deltarule.grading.results import Result


def test_every_recorded_result_follows_the_published_schema(course_root):
    path = course_root / "src" / "deltarule" / "reporting" / "schema" / "result-v1.json"
    validator = jsonschema.Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))
    for name, result in recorded().items():
        validator.validate(result.as_json())
        assert Result.from_json(result.as_json()) == replace(
            result, duration_s=round(result.duration_s, 3)
        ), name


def test_each_file_of_answers_is_recorded():
    assert set(recorded()) == {path.stem for path in answer_files()}


def test_what_ran_into_a_limit_says_which_and_where():
    stops = {name: result.stopped for name, result in recorded().items() if result.stopped}
    assert {name: {stop.limit for stop in found} for name, found in stops.items()} == {
        "never_ends": {"time"},
        "takes_all_memory": {"memory"},
    }
    assert {stop.cell for stop in stops["never_ends"]} == {"train"}


def test_the_visible_checks_are_told_apart_from_the_verdict():
    (backward,) = (
        test for test in recorded()["missing_batch_mean"].tests if test.name == "backward"
    )
    assert (backward.status, backward.visible_passed) == ("failed", True)
    assert {test.visible_passed for test in recorded()["untouched"].automatic} == {False}
    assert {test.visible_passed for test in recorded()["right"].automatic} == {True}


@pytest.mark.slow
def test_grading_again_gives_what_is_recorded(tmp_path):
    chosen = ("never_ends", "missing_batch_mean", "untouched")
    found = record(tmp_path, [path for path in answer_files() if path.stem in chosen])
    assert set(found) == set(chosen)
    for name in chosen:
        again = Result.from_json(found[name])
        assert again.stopped == recorded()[name].stopped
        for test, before in zip(again.automatic, recorded()[name].automatic, strict=True):
            assert (test.name, test.status, test.score, test.visible_passed, test.diagnosis) == (
                before.name,
                before.status,
                before.score,
                before.visible_passed,
                before.diagnosis,
            )
