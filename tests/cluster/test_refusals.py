"""Clusters that are not used, and clusters that cannot be."""

import socket

import pytest

from deltarule.errors import MachineryError, UsageError
from deltarule.grading import cluster
from deltarule.grading.cluster import on_cluster
from deltarule.grading.plan import AssignmentPlan
from deltarule.grading.pool import Team
from deltarule.grading.worker import Job, Task

JOB = Job(AssignmentPlan("small", (), (), {}, "key"))


@pytest.mark.parametrize(
    "address",
    [
        "tcp://192.0.2.7:8786",
        "grader.example.org:8786",
        "ws://192.0.2.7:80",
        "tcp://[2001:db8::1]:1",
    ],
)
def test_another_machine_is_refused_without_tls(address):
    with pytest.raises(UsageError, match="start the scheduler with TLS"):
        on_cluster(address)


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:8786", "localhost:8786", "tcp://[::1]:8786", "tls://192.0.2.7:1"]
)
def test_this_machine_and_tls_are_taken(address):
    assert callable(on_cluster(address))


def test_no_scheduler_is_said_within_a_bounded_time(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(MachineryError, match="no scheduler answers at tcp://127"):
            list(on_cluster(f"127.0.0.1:{port}")(Team(JOB), [Task("ann", tmp_path, 7)], 1))


@pytest.mark.slow
def test_no_worker_is_said_within_a_bounded_time(clusters, monkeypatch, tmp_path):
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 0.5)
    address = clusters().address
    with pytest.raises(MachineryError, match=f"no worker for [0-9]+ s; start one .* {address}"):
        list(on_cluster(address)(Team(JOB), [Task("ann", tmp_path, 7)], 1))


@pytest.mark.parametrize(
    ("file", "reason"), [(None, "dask knows no certificates"), ("nowhere.pem", "No such file")]
)
def test_tls_without_certificates_is_refused_with_what_to_do(tmp_path, file, reason):
    dask = pytest.importorskip("dask")
    there = file and str(tmp_path / file)
    settings = {"ca-file": there, "client.cert": there, "client.key": there}
    named = {f"distributed.comm.tls.{name}": value for name, value in settings.items()}
    with (
        dask.config.set(named),
        pytest.raises(UsageError, match=rf"{reason}.*DASK_DISTRIBUTED__COMM__TLS__CA_FILE"),
    ):
        list(on_cluster("tls://127.0.0.1:1")(Team(JOB), [Task("ann", tmp_path, 7)], 1))
