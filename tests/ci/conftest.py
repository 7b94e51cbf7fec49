"""A course, its students' repositories, and one whole run of the workflow that grades them."""

import sys

import pytest

from .fake_host import FakeHost
from .runner import Runner, read
from .small_course import make_course, make_repository, notebook

AGAIN = "inputs.again && '--again' || ''"
READ, POST = "token-that-reads", "token-that-posts"
STUDENTS = ("ada", "ben", "wes", "mal", "lin", "nil")


@pytest.fixture(scope="session")
def course(tmp_path_factory):
    if sys.platform != "linux":
        pytest.skip("grading needs Linux")
    made = make_course(tmp_path_factory.mktemp("ci") / "course")
    rows = "".join(f"{name},class/{{assignment}}-{name}\n" for name in STUDENTS)
    (made / "roster.csv").write_text(f"student,repository\n{rows}nie,class/not-there\n")
    return made


@pytest.fixture(scope="session")
def hub(course, tmp_path_factory):
    """Where the students' repositories are; the commit of each."""
    folder = tmp_path_factory.mktemp("hub")
    secret = str(course / "source" / "small" / "small.md")
    commits = {}
    for name, files, links in (
        ("ada", {"small/small.ipynb": notebook("right", course)}, {}),
        ("ben", {"small.ipynb": notebook("untouched", course)}, {}),
        ("wes", {"small/small.ipynb": notebook("wrong", course)}, {}),
        ("mal", {"small/small.ipynb": notebook("malicious", course)}, {}),
        ("lin", {"README.md": "x"}, {"small/small.ipynb": secret}),
        ("nil", {"README.md": "x"}, {}),
    ):
        commits[name] = make_repository(folder / "class" / f"small-{name}", files, links)
    return folder, commits


@pytest.fixture(scope="session")
def github():
    with FakeHost() as host:
        yield host


@pytest.fixture(scope="session")
def run(course, hub, github, tmp_path_factory):
    """The three jobs of grade.yml, one after the other, with what each printed."""
    assignment = "inputs.assignment || vars.GRADED_ASSIGNMENT"
    values = {
        assignment: "small",
        "github.server_url": f"file://{hub[0]}",
        "github.api_url": github.url,
        "secrets.SUBMISSIONS_READ": READ,
        "secrets.SUBMISSIONS_POST": POST,
        AGAIN: "",
    }
    runner = Runner(course, tmp_path_factory.mktemp("runner"), values)
    workflow = read(course / ".github" / "workflows" / "grade.yml")
    ran = {name: runner.job(workflow, name) for name in ("fetch", "grade", "post")}
    return runner, workflow, ran
