"""Every process of a grading run is killed in the middle of a class of 60: nothing is lost.

One class, graded in three runs: Ctrl-C ends the first; in the second a worker is killed, then the
grader itself; the third goes on from there and loses a child, a sandbox, its fork server twice, and
its worker. Each test looks at one of these.
"""

import os
import signal
import time

import pytest

from .small_class import kill

pytestmark = pytest.mark.slow
CLASS = 60
EVERY = 7
SLOW = [f"s{number:02}" for number in range(EVERY - 1, CLASS, EVERY)]
"""Students whose work takes a while, so that a process of theirs can be hit."""

KILLED = ("runner", "keeper", "server", "server", "worker")
"""What is killed in the last run, each while another of the slow ones is graded."""


class Story:
    """What was seen in the three runs."""


@pytest.fixture(scope="module")
def story(built, tmp_path_factory):
    made = Story()
    made.course = built.copied(tmp_path_factory.mktemp("kills"))
    made.course.hand_in_all(CLASS, slow=EVERY)
    _interrupt(made)
    _kill_grader(made)
    _kill_the_rest(made)
    return made


def _interrupt(story):
    run = story.interrupted = story.course.start("--jobs", "1")
    run.until(5)
    began = time.monotonic()
    os.killpg(run.process.pid, signal.SIGINT)  # as a terminal does
    run.ended()
    story.seconds_to_stop = time.monotonic() - began
    story.left_after_interrupt = run.left_alive(5)
    story.after_interrupt = story.course.seeds()


def _kill_grader(story):
    run = story.killed = story.course.start("--jobs", "2")
    run.until(10)
    first, second = run.workers()
    kill(first)
    run.until(20)
    story.second_went_on = second in run.workers()
    kill(run.process.pid)
    story.left_after_kill = run.left_alive(10)
    run.ended()
    story.after_kill = story.course.seeds()


def _kill_the_rest(story):
    run = story.last = story.course.start("--jobs", "1")
    run.until(len(story.after_kill))
    slow = [student for student in SLOW if student not in story.after_kill]
    for student, kind in zip(slow, KILLED, strict=False):
        keeper, runner = run.busy_child()
        (worker,), (server,) = run.workers(), run.fork_servers()
        kill({"runner": runner, "keeper": keeper, "server": server, "worker": worker}[kind])
        run.until_graded(student)
    story.hit = slow[: len(KILLED)]
    run.ended()
    story.left_at_the_end = run.left_alive(5)


def test_ctrl_c_ends_a_run_within_seconds_with_one_line(story):
    assert story.interrupted.process.returncode == 130
    assert story.interrupted.error == (
        "deltarule: stopped. What is done is kept; run it again to go on.\n"
    )
    assert story.seconds_to_stop < 10
    assert not story.left_after_interrupt


def test_what_was_graded_before_ctrl_c_is_kept(story):
    assert len(story.after_interrupt) >= 5
    assert story.after_kill.items() >= story.after_interrupt.items()


def test_a_worker_that_is_killed_is_replaced_while_the_others_go_on(story):
    assert story.second_went_on
    assert story.killed.process.returncode == -signal.SIGKILL


def test_nothing_lives_on_after_the_grader_is_killed(story):
    assert not story.left_after_kill


def test_a_run_after_a_kill_keeps_what_is_on_record_and_grades_the_rest(story):
    assert 20 <= len(story.after_kill) < CLASS
    results = story.last.results()
    assert len(results) == CLASS
    seeds = {student: result["seed"] for student, result in results.items()}
    assert seeds.items() >= story.after_kill.items()


def test_killed_children_fork_servers_and_workers_cost_nobody_a_point(story):
    assert len(story.hit) == len(KILLED)
    assert story.last.scores() == story.course.deserved
    assert story.last.error == ""
    assert not story.left_at_the_end


def test_gradebook_and_notebooks_agree_with_the_results(story):
    story.course.check_records()
