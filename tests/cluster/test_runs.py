"""``deltarule grade --scheduler``: the same points, whoever ends in the middle.

A class is graded by two workers, one of which is killed; it is graded again, and the scheduler is
killed; a second cluster, which speaks TLS, goes on from there. Each test looks at one of these.
"""

import os
import shutil
import socket
import subprocess

import pytest

pytestmark = pytest.mark.slow
CLASS = 60

CALLS_THE_SCHEDULER = """
import socket
try:
    socket.create_connection(("127.0.0.1", {port}), timeout=2).close()
    said = "connected"
except OSError as error:
    said = type(error).__name__
print("the scheduler:", said)
"""


class Story:
    """What was seen in the runs."""


@pytest.fixture(scope="module")
def story(built, clusters, tmp_path_factory):
    made = Story()
    made.course = built.copied(tmp_path_factory.mktemp("class"))
    made.course.hand_in_all(CLASS, slow=12)
    made.plain = clusters()
    made.course.hand_in("caller", 0, CALLS_THE_SCHEDULER.format(port=made.plain.port))
    socket.create_connection(("127.0.0.1", made.plain.port), timeout=5).close()
    _kill_worker(made)
    _kill_scheduler(made)
    _go_on_with_tls(made, clusters, certificates(tmp_path_factory.mktemp("tls")))
    return made


def _kill_worker(story):
    doomed, _ = story.plain.worker(), story.plain.worker(nanny=True)
    run = story.first = story.course.start("--scheduler", story.plain.address)
    run.until(CLASS // 4)
    doomed.kill()
    doomed.wait()
    run.ended()
    story.folders = story.plain.temporary_folders()


def _kill_scheduler(story):
    shutil.rmtree(story.course.course.build / "graded")
    run = story.second = story.course.start("--scheduler", f"127.0.0.1:{story.plain.port}")
    run.until(CLASS // 4)
    story.plain.scheduler.kill()
    run.ended()
    story.kept = story.course.seeds()
    story.plain.end()


def _go_on_with_tls(story, clusters, files):
    ca, certificate, key = files
    options = ["--tls-ca-file", ca, "--tls-cert", certificate, "--tls-key", key]
    secure = clusters(options, story.plain.folder)
    secure.worker()
    names = {"CA_FILE": ca, "CLIENT__CERT": certificate, "CLIENT__KEY": key}
    configured = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(file) for name, file in names.items()}
    story.third = story.course.grade("--scheduler", secure.address, **configured)
    secure.end()
    story.folders_at_the_end = secure.temporary_folders()
    assert secure.address.startswith("tls://")


def certificates(folder):
    """An authority, a certificate of its, and the key."""
    if shutil.which("openssl") is None:
        pytest.skip("no certificates can be made: openssl is missing")

    def openssl(*arguments):
        command = ["openssl", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    new = ["req", "-newkey", "rsa:2048", "-nodes", "-subj"]
    openssl(*new, "/CN=authority", "-x509", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, "/CN=grading", "-keyout", "own.key", "-out", "own.csr")
    signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
    openssl("x509", "-req", "-in", "own.csr", *signed, "-out", "own.pem")
    return folder / "ca.pem", folder / "own.pem", folder / "own.key"


def test_a_class_has_the_points_that_it_deserves_though_a_worker_is_killed(story):
    assert story.first.scores() == story.course.deserved
    assert story.first.error == ""


def test_results_say_which_sandbox_was_used(story):
    sandboxes = {result["sandbox"] for result in story.first.results().values()}
    assert sandboxes <= {"namespaces", "landlock"}


def test_students_code_does_not_reach_the_scheduler(story):
    path = story.course.root / "autograded" / "caller" / "small" / "small.ipynb"
    text = path.read_text(encoding="utf-8")
    assert "the scheduler:" in text.replace('print(\\"the scheduler:', "")
    assert "the scheduler: connected" not in text


def test_a_scheduler_that_ends_is_one_clear_error(story):
    assert story.second.process.returncode == 3
    last = story.second.error.strip().split("\n")[-1]
    assert last.startswith(f"deltarule: the scheduler at tcp://127.0.0.1:{story.plain.port} does")
    assert "run the same command to go on" in last
    assert "Traceback" not in story.second.error


def test_the_next_run_goes_on_and_speaks_tls(story):
    assert CLASS // 4 <= len(story.kept) < CLASS
    results = story.third.results()
    assert story.third.scores() == story.course.deserved
    seeds = {student: result["seed"] for student, result in results.items()}
    assert seeds.items() >= story.kept.items()
    story.course.check_records()


def test_workers_leave_no_folders_and_the_next_removes_those_of_one_that_was_killed(story):
    assert [name for name in story.folders if name.startswith("deltarule-job-")]
    assert not story.folders_at_the_end, os.linesep.join(story.folders_at_the_end)
