"""What the workflow files may do, and what they must not hold: read, not run."""

import re

import pytest
import yaml

from .runner import EXPRESSION, read

COURSE = (".github/workflows/grade.yml", ".github/workflows/ci.yml")
STUDENT = "templates/student-repository"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
SECRETIVE = re.compile(r"(?i)secret|token|password|GH_|CI_JOB_TOKEN|SUBMISSIONS_|_KEY\b")


def student_files(root):
    found = [path for path in sorted((root / STUDENT).rglob("*")) if path.is_file()]
    assert {path.name for path in found} == {"checks.yml", "run_checks.py", ".gitlab-ci.yml"}
    return found


def steps_of(about):
    jobs = about.get("jobs", {"": about.get("runs")})
    return [step for job in jobs.values() for step in job["steps"]]


def all_workflows(root):
    return [
        *(root / ".github" / "workflows").glob("*.yml"),
        root / ".github" / "actions" / "grade" / "action.yml",
        root / STUDENT / ".github" / "workflows" / "checks.yml",
    ]


def test_the_students_side_names_no_secret(course_root):
    comment = re.compile(r"^\s*#.*$", re.M)
    for path in student_files(course_root):
        text = path.read_text(encoding="utf-8")
        text = comment.sub("", text) if path.suffix == ".yml" else text
        assert not SECRETIVE.search(text), f"{path} holds {SECRETIVE.search(text).group()}"
        assert not EXPRESSION.search(text), f"{path} asks GitHub for something"


def test_the_search_for_secrets_can_find_one():
    for text in ("${{ secrets.X }}", "GH_TOKEN: x", "$CI_JOB_TOKEN", "$SUBMISSIONS_READ"):
        assert SECRETIVE.search(text), text


def test_the_students_side_knows_neither_hidden_tests_nor_the_grader(course_root):
    for path in student_files(course_root):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"deltarule|source/|solutions/|judging", text), path


def test_every_action_of_others_is_pinned_to_a_commit(course_root):
    for path in all_workflows(course_root):
        used = [step["uses"] for step in steps_of(read(path)) if "uses" in step]
        assert used
        for name in used:
            assert name.startswith("./") or PINNED.fullmatch(name), f"{path.name}: {name}"


def test_permissions_are_the_least(course_root):
    grade = read(course_root / COURSE[0])
    assert grade["permissions"] == {}
    for name, job in grade["jobs"].items():
        assert job["permissions"] == {"contents": "read"}, name
    for path in (course_root / COURSE[1], *(course_root / STUDENT).rglob("checks.yml")):
        assert read(path)["permissions"] == {"contents": "read"}


def test_the_course_is_graded_when_its_owner_says_so_and_never_by_a_pull_request(course_root):
    assert set(read(course_root / COURSE[0])["on"]) == {
        "workflow_dispatch",
        "workflow_call",
        "schedule",
    }


def test_no_checkout_leaves_a_token_and_no_script_holds_an_expression(course_root):
    for path in all_workflows(course_root):
        for step in steps_of(read(path)):
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False, path.name
            assert not EXPRESSION.search(step.get("run", "")), path.name


def test_every_job_ends_by_itself(course_root):
    for path in all_workflows(course_root):
        for name, job in read(path).get("jobs", {}).items():
            assert job["timeout-minutes"] <= 120, f"{path.name}: {name}"


def gitlab(root):
    return yaml.safe_load((root / ".gitlab" / "grade.yml").read_text(encoding="utf-8"))


def test_gitlab_grades_by_the_same_pieces(course_root):
    action = read(course_root / ".github" / "actions" / "grade" / "action.yml")
    ours = [line for step in steps_of(action) for line in step.get("run", "").splitlines()]
    assert set(ours) <= set(gitlab(course_root)["grade-submissions"]["script"])


@pytest.mark.parametrize("name", ["SUBMISSIONS_READ", "SUBMISSIONS_POST"])
def test_on_gitlab_a_token_is_used_by_one_job_in_an_environment_of_its_own(course_root, name):
    users = [job for job in gitlab(course_root).values() if name in str(job)]
    assert len(users) == 1
    assert users[0]["environment"] == {
        "name": name.lower().replace("_", "-"),
        "action": "access",
    }
