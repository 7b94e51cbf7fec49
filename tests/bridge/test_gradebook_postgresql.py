"""The same writer with a PostgreSQL server: Debian's package, started here on loopback."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

import nbformat
import pytest
import sqlalchemy
from nbgrader.api import Gradebook

from deltarule.bridge import gradebook
from deltarule.bridge.gradebook import GradebookWriter, Record
from deltarule.bridge.release import course_directory, generate_release
from deltarule.config import Course
from deltarule.errors import MachineryError

pytestmark = pytest.mark.slow

WHEN = datetime(2026, 3, 1, 12)
DEBIAN = Path("/usr/lib/postgresql")


class Server:
    """A PostgreSQL server in a folder of its own."""

    def __init__(self, programs, folder, user):
        self.programs, self.folder, self.user = programs, folder, user
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def run(self, program, *arguments):
        # A server inherits the output, so a pipe would never end.
        with tempfile.TemporaryFile() as said:
            done = subprocess.run(
                [self.programs / program, "-D", self.folder / "data", *arguments],
                user=self.user, cwd=self.folder, stdout=said, stderr=said, timeout=60, check=False,
            )  # fmt: skip
            said.seek(0)
            assert done.returncode == 0, said.read().decode()

    def start(self):
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c fsync=off"
        self.run("pg_ctl", "start", "-w", "-l", str(self.folder / "log"), "-o", options)

    def stop(self):
        self.run("pg_ctl", "stop", "-w", "-m", "immediate")

    def database(self, name, template="template1"):
        """The address of a new database."""
        address = f"postgresql://deltarule@127.0.0.1:{self.port}"
        engine = sqlalchemy.create_engine(f"{address}/postgres", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        engine.dispose()
        return f"{address}/{name}"


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg", reason="no driver for PostgreSQL: pip install 'psycopg[binary]'")
    initdb = shutil.which("initdb") or max(DEBIAN.glob("*/bin/initdb"), default=None)
    if initdb is None:
        pytest.skip("no PostgreSQL server: apt install postgresql")
    user = None
    folder = Path(tempfile.mkdtemp(prefix="deltarule-postgresql-"))
    if os.geteuid() == 0:  # which the server refuses
        try:
            user = pwd.getpwnam("postgres").pw_uid
        except KeyError:
            pytest.skip("as root, the server needs a user 'postgres'")
        os.chown(folder, user, -1)
    made = Server(Path(initdb).resolve().parent, folder, user)
    try:
        made.run("initdb", "-A", "trust", "-U", "deltarule", "--no-sync")
        made.start()
        yield made
        made.stop()
    finally:
        shutil.rmtree(folder)


class Class:
    """The toy course with its gradebook on the server."""

    def __init__(self, toy, db_url):
        self.toy, self.db_url = toy, db_url
        self.coursedir, self.config = course_directory(toy.course, "toy")

    def writer(self):
        return GradebookWriter(
            self.coursedir, self.config, "toy", self.db_url, self.toy.root / "autograded"
        )

    def result(self, student="ann", score=2.0):
        notebook = nbformat.read(self.toy.course.release / "toy" / "toy.ipynb", as_version=4)
        scores = {("toy", "double"): score, ("toy", "why"): None}
        return Record(student, {"toy": notebook}, scores, WHEN, None)


@pytest.fixture(scope="module")
def released_there(server, _released, tmp_path_factory):
    """The toy course, released into the database ``released``."""
    root = tmp_path_factory.mktemp("postgresql") / "course"
    shutil.copytree(_released.root, root)
    with (root / "nbgrader_config.py").open("a") as file:
        file.write('c.CourseDirectory.course_id = "deep-learning"\n')  # the server wants one
    toy = type(_released)(Course(root))
    generate_release(toy.course, "toy", db_url=server.database("released"))
    return toy


@pytest.fixture
def class_of(server, released_there, monkeypatch, request):
    monkeypatch.setattr(gradebook, "PAUSES", (0.0, 0.0))
    number = request.session.items.index(request.node)
    yield Class(released_there, server.database(f"course{number}", "released"))
    shutil.rmtree(released_there.root / "autograded", ignore_errors=True)


def test_a_class_is_recorded_and_recorded_again(class_of):
    with class_of.writer() as writer:
        writer.record(class_of.result("ann"))
        writer.record(class_of.result("bob", 0.5))
        assert writer.scores("ann")["toy", "double"] == (2.0, None, False)
    with Gradebook(class_of.db_url) as book:
        grade = book.find_grade("double", "toy", "toy", "ann")
        grade.manual_score, grade.extra_credit = 1.5, 1.0
        book.db.commit()
    with class_of.writer() as writer:
        writer.record(class_of.result("ann", 1.0))
        assert writer.scores("ann") == {
            ("toy", "double"): (1.0, 1.5, True),
            ("toy", "why"): (0.0, None, False),
        }
    with Gradebook(class_of.db_url) as book:
        ann, bob = sorted(book.submission_dicts("toy"), key=lambda one: one["student"])
    assert (ann["score"], ann["timestamp"], ann["needs_manual_grade"]) == (2.5, WHEN, True)
    assert (bob["score"], bob["needs_manual_grade"]) == (0.5, False)


def test_another_writer_of_the_assignment_is_waited_for_and_then_reported(class_of, monkeypatch):
    monkeypatch.setattr(gradebook, "BUSY_SECONDS", 0.05)
    other = sqlalchemy.create_engine(class_of.db_url)
    with class_of.writer() as writer, other.connect() as connection:
        connection.exec_driver_sql("SELECT * FROM assignment FOR UPDATE")
        with pytest.raises(MachineryError, match=r"lock timeout[\s\S]*keeps it busy"):
            writer.record(class_of.result())
        connection.rollback()
        assert not (class_of.toy.root / "autograded" / "ann" / "toy").exists()
        writer.record(class_of.result())
    other.dispose()


def test_a_student_whom_two_add_at_once_is_there_once(class_of):
    added = []

    def add_too(connection, cursor, statement, *_):
        if "INSERT INTO student" in statement and not added:
            added.append(statement)
            with Gradebook(class_of.db_url) as formgrader:
                formgrader.add_student("ann", first_name="Ann")

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", add_too)
    try:
        with class_of.writer() as writer:
            writer.record(class_of.result())
            assert writer.scores("ann")["toy", "double"] == (2.0, None, False)
    finally:
        sqlalchemy.event.remove(sqlalchemy.Engine, "before_cursor_execute", add_too)
    assert added
    with Gradebook(class_of.db_url) as book:
        assert book.find_student("ann").first_name == "Ann"


def test_a_server_that_starts_again_costs_nothing_and_one_that_is_gone_is_reported(
    class_of, server, monkeypatch
):
    def start(_):
        monkeypatch.undo()
        server.start()

    with class_of.writer() as writer:
        writer.record(class_of.result("ann"))
        server.stop()
        monkeypatch.setattr(gradebook.time, "sleep", start)
        writer.record(class_of.result("bob"))
        assert writer.scores("bob")["toy", "double"] == (2.0, None, False)
        server.stop()
        try:
            monkeypatch.setattr(gradebook, "PAUSES", (0.0,))
            with pytest.raises(MachineryError, match=r"Connection refused[\s\S]*server runs"):
                writer.record(class_of.result("cyd"))
        finally:
            server.start()
        assert not (class_of.toy.root / "autograded" / "cyd" / "toy").exists()
        writer.record(class_of.result("cyd"))


RIGHT = "def double(number):\n    return 2 * number"
WRONG = "def double(number):\n    return number"
CLASS = 30


class Command:
    """``deltarule grade toy``, and what it says as it goes."""

    def __init__(self, root):
        self.said = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deltarule", "grade", "toy", "--jobs", "1"],
            cwd=root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def until(self, count):
        for line in self.process.stderr:
            self.said.append(line)
            if line.startswith(f"[{count}/"):
                return
        raise AssertionError("".join(self.said))

    def ended(self):
        with self.process:
            self.said += self.process.stderr.readlines()
            self.process.wait(120)
        return "".join(line for line in self.said if not re.match(r"\[\d+/\d+\] ", line))


@pytest.fixture
def classroom(server, _released, tmp_path):
    """The toy course, with its gradebook on the server, and a class that has handed in."""
    root = tmp_path / "course"
    shutil.copytree(_released.root, root)
    address = server.database("classroom")
    with (root / "nbgrader_config.py").open("a") as file:
        file.write(f'c.CourseDirectory.db_url = "{address}"\n')
        file.write('c.CourseDirectory.course_id = "deep-learning"\n')
    toy = type(_released)(Course(root))
    toy.course.gradebook.unlink()
    for number in range(CLASS):
        toy.hand_in(f"s{number:02}", WRONG if number % 3 else RIGHT)
    return toy, address


def recorded(address):
    with Gradebook(address) as book:
        return {one["student"]: one["score"] for one in book.submission_dicts("toy")}


def test_a_class_is_graded_though_the_server_ends_twice(classroom, server):
    """Once it is back in time, and nobody notices; once it stays away, and the next run goes on."""
    toy, address = classroom
    first = Command(toy.root)
    first.until(5)
    server.stop()
    server.start()
    first.until(15)
    server.stop()
    try:
        said = first.ended()
        down = Command(toy.root)
        said_at_once = down.ended()
    finally:
        server.start()
    assert first.process.returncode == down.process.returncode == 3
    assert said.startswith(f"deltarule: the gradebook {address} could not be written for s")
    assert "server runs, then run this again" in said
    assert said_at_once.startswith("deltarule: ")
    assert "Traceback" not in said + said_at_once
    before = recorded(address)
    assert 15 <= len(before) < CLASS
    again = Command(toy.root)
    again.until(15)  # which are kept
    assert again.ended() == ""
    assert again.process.returncode == 0
    assert recorded(address) == {
        f"s{number:02}": 0.0 if number % 3 else 2.0 for number in range(CLASS)
    }
    assert len(list((toy.root / "autograded").glob("*/toy/toy.ipynb"))) == CLASS
    assert not toy.course.gradebook.exists()
