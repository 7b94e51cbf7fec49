"""``deltarule data``: the course lists its data sets, and only the right file is ever kept."""

import hashlib
import json
import shutil
import socket
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from deltarule.cli import main

SHIPS = b"ship,year\nTitanic,1912\n"
SHA = hashlib.sha256(SHIPS).hexdigest()


@dataclass
class Web:
    """A server on this machine: what it has, and what was asked of it."""

    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def web(monkeypatch):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            shown.asked.append(self.path)
            body = shown.files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, format, *args):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    shown = Web(f"http://127.0.0.1:{server.server_port}", {"/ships.csv": SHIPS})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield shown
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DELTARULE_DATA", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def course(course_root, tmp_path, cache, monkeypatch):
    """A course with one registry, to be written with ``list_sets``; we stand in it."""
    root = tmp_path / "course"
    (root / "source" / "sea" / "data").mkdir(parents=True)
    shutil.copyfile(course_root / "nbgrader_config.py", root / "nbgrader_config.py")
    monkeypatch.chdir(root)
    return root


def list_sets(course, *rows, assignment="sea"):
    path = course / "source" / assignment / "data" / "registry.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def data(*arguments):
    return CliRunner().invoke(main, ["data", *map(str, arguments)], catch_exceptions=False)


def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_a_data_set_is_fetched_once_and_found_by_its_stem(course, web, cache):
    list_sets(course, f"ships.csv sha256:{SHA} {web.address}/ships.csv")
    for name in ("ships", "ships.csv", "ships"):
        done = data(name)
        assert done.exit_code == 0
        assert done.stdout == f"ships.csv: {cache / 'ships.csv'}\n"
    assert (cache / "ships.csv").read_bytes() == SHIPS
    assert web.asked == ["/ships.csv"]


def test_the_list_shows_comments_addresses_and_what_is_there(course, web, cache):
    list_sets(
        course,
        "# The data of this lab.",
        "",
        "# Ships that sank,",
        "# with the year.",
        f"ships.csv sha256:{SHA} {web.address}/ships.csv",
        f"boats.csv {SHA.upper()} {web.address}/boats.csv",
    )
    data("ships")
    done = data("--json", "list.json")
    assert done.stdout.splitlines() == [
        "boats.csv (sea): not fetched",
        f"    {web.address}/boats.csv",
        "ships.csv (sea): fetched",
        "    Ships that sank, with the year.",
        f"    {web.address}/ships.csv",
        f"Fetch one with 'deltarule data NAME'; they are kept in {cache}.",
    ]
    record = json.loads(Path("list.json").read_text())
    assert record["cache"] == str(cache)
    assert [entry["path"] for entry in record["data_sets"]] == [None, str(cache / "ships.csv")]
    assert {entry["sha256"] for entry in record["data_sets"]} == {SHA}


def test_a_course_without_registries_says_where_they_go(course):
    done = data()
    assert done.exit_code == 0
    assert "source/<assignment>/data/registry.txt" in done.stdout


def test_the_course_s_own_entry_can_be_read(course):
    """The line that stands in the course for the Titanic's passengers."""
    digits = "4a437fde05fe5264e1701a7387ac6fb75393772ba38bb2c9c566405af5af4bd7"
    url = "https://raw.githubusercontent.com/datasciencedojo/datasets/master/titanic.csv"
    list_sets(course, f"titanic.csv sha256:{digits} {url}")
    data("--json", "list.json")
    (entry,) = json.loads(Path("list.json").read_text())["data_sets"]
    assert (entry["name"], entry["sha256"], entry["url"]) == ("titanic.csv", digits, url)


def test_another_file_than_the_one_meant_is_not_kept(course, web, cache):
    web.files["/ships.csv"] = b"<html>Please log in to the network</html>"
    list_sets(course, "# Ships.", f"ships.csv sha256:{SHA} {web.address}/ships.csv")
    done = data("ships")
    assert done.exit_code == 3
    assert "source/sea/data/registry.txt:2" in done.stderr
    assert "nothing was kept" in done.stderr
    assert list(cache.iterdir()) == []


def test_a_file_that_was_changed_in_the_cache_is_fetched_again(course, web, cache):
    list_sets(course, f"ships.csv sha256:{SHA} {web.address}/ships.csv")
    cache.mkdir()
    (cache / "ships.csv").write_bytes(SHIPS + b"Lusitania,1915\n")
    assert "ships.csv (sea): not fetched" in data().stdout
    assert data("ships").exit_code == 0
    assert (cache / "ships.csv").read_bytes() == SHIPS


def test_without_a_network_the_message_says_what_else_can_be_done(course, web, cache):
    list_sets(course, f"ships.csv sha256:{SHA} http://127.0.0.1:{closed_port()}/ships.csv")
    done = data("ships")
    assert done.exit_code == 3
    assert "Connection refused" in done.stderr
    assert f"put it into {cache}" in done.stderr
    (cache / "ships.csv").write_bytes(SHIPS)
    assert data("ships").exit_code == 0


def test_an_address_that_is_gone_is_the_machinery_s_failure(course, web):
    list_sets(course, f"boats.csv sha256:{SHA} {web.address}/boats.csv")
    done = data("boats")
    assert done.exit_code == 3
    assert "404" in done.stderr


def test_a_cache_that_cannot_be_made_names_the_variable(course, web, cache):
    list_sets(course, f"ships.csv sha256:{SHA} {web.address}/ships.csv")
    cache.write_text("a file where the folder should be")
    done = data("ships")
    assert done.exit_code == 3
    assert f"the cache {cache} cannot be used" in done.stderr
    assert "DELTARULE_DATA" in done.stderr


def test_an_unknown_name_is_wrong_usage_and_lists_the_known_ones(course, web):
    list_sets(course, f"ships.csv sha256:{SHA} {web.address}/ships.csv")
    done = data("sheep")
    assert done.exit_code == 2
    assert "no data set 'sheep' (known: ships.csv)" in done.stderr


def test_a_short_name_that_fits_two_files_is_not_guessed(course, web):
    list_sets(
        course,
        f"ships.csv sha256:{SHA} {web.address}/ships.csv",
        f"ships.parquet sha256:{SHA} {web.address}/ships.parquet",
    )
    done = data("ships")
    assert done.exit_code == 2
    assert "any of ships.csv, ships.parquet" in done.stderr
    assert data("ships.csv").exit_code == 0


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (f"ships.csv sha256:{SHA}", "2 words where name, hash and address are wanted"),
        (f"ships.csv sha256:{SHA[1:]} https://a.b/c", "is not a sha256 hash"),
        ("ships.csv md5:00112233445566778899aabbccddeeff https://a.b/c", "is not a sha256 hash"),
        (f"../ships.csv sha256:{SHA} https://a.b/c", "is not a plain file name"),
        (f"/ships.csv sha256:{SHA} https://a.b/c", "is not a plain file name"),
        (f"ships.csv sha256:{SHA} file:///c", "is not an address on the web"),
        (f"'ships.csv sha256:{SHA} https://a.b/c", "No closing quotation"),
    ],
)
def test_a_registry_with_a_mistake_is_an_error_at_its_line(course, row, complaint):
    list_sets(course, "# Ships.", row, "boats.csv")
    for arguments in ([], ["ships"]):
        done = data(*arguments)
        assert done.exit_code == 2
        assert "source/sea/data/registry.txt:2: " in done.stderr
        assert complaint in done.stderr
        assert "write 'file.csv sha256:<64 hexadecimal digits> https://...'" in done.stderr
        assert "source/sea/data/registry.txt:3: 1 words" in done.stderr


def test_one_name_means_one_file_in_the_whole_course(course, web):
    list_sets(course, f"ships.csv sha256:{SHA} {web.address}/ships.csv")
    list_sets(course, f"ships.csv sha256:{SHA} {web.address}/ships.csv", assignment="shore")
    assert data("ships").exit_code == 0
    list_sets(course, f"ships.csv sha256:{'0' * 64} {web.address}/ships.csv", assignment="shore")
    done = data("ships")
    assert done.exit_code == 2
    assert "source/shore/data/registry.txt:1: 'ships.csv' is another file in" in done.stderr


def test_the_cache_of_the_system_is_used_where_no_other_is_named(monkeypatch, tmp_path):
    from deltarule.bridge.datasets import cache_folder

    monkeypatch.delenv("DELTARULE_DATA", raising=False)
    assert cache_folder().name == "deltarule"
    monkeypatch.setenv("DELTARULE_DATA", "~/sets")
    assert cache_folder() == Path.home() / "sets"
