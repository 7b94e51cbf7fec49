"""The data of the Titanic notebook, and the figures that its text quotes for all passengers.

The whole list of passengers is not part of the repository. Where a copy stands beside it, the
notebook's own cells run on it here.
"""

import contextlib
import csv
import hashlib
import io
import os
import shutil
from pathlib import Path

import pytest

from deltarule.authoring import parse, solution

WHOLE = Path(__file__).parents[3] / "shared" / "data" / "titanic.csv"
SEED_FIGURES = {"male": -2.67342, "age": 0.00809, "is_young_male": 2.38307, "intercept": 0.90186}
ROUNDED_LOSS = 0.5042  # of the nine numbers in the notebook, as its text says


@pytest.fixture
def data(course_root):
    return course_root / "source" / "titanic" / "data"


@pytest.fixture
def whole():
    if not WHOLE.is_file():
        pytest.skip(f"the whole list of passengers stands beside the repository: no {WHOLE}")
    return WHOLE


def registered(data):
    """Name, hash and address in the registry, as the notebook reads them."""
    lines = (data / "registry.txt").read_text(encoding="utf-8").splitlines()
    (entry,) = [line.split() for line in lines if line and not line.startswith("#")]
    return entry


def recorded(data):
    """The rows of the recorded training run, by optimiser."""
    lines = (data / "long_training.csv").read_text(encoding="utf-8").splitlines()
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return {name: [row for row in rows if row["optimiser"] == name] for name in ("sgd", "adam")}


def run_notebook(course_root, monkeypatch, *, whole_list, until):
    """The names after the solution's cells, up to the first one with the text ``until`` in it."""
    monkeypatch.chdir(course_root / "source" / "titanic")
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook, _ = parse(Path("titanic.md"))
    names = {"__name__": "__main__"}
    for cell in solution(notebook).cells:
        if cell.cell_type != "code" or "demo" in cell.metadata.get("tags", []):
            continue
        source = cell.source
        if whole_list:
            source = source.replace("= load_passengers()", "= load_passengers(whole=True)")
        if until in source:
            return names
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(source, cell.id, "exec"), names)
    raise AssertionError(f"no cell has {until!r} in it")


@pytest.fixture
def cache_with_the_whole_list(whole, tmp_path, monkeypatch):
    """A cache in which the loader finds the list, so that it has nothing to fetch."""
    shutil.copyfile(whole, tmp_path / "titanic.csv")
    monkeypatch.setenv("DELTARULE_DATA", str(tmp_path))
    return tmp_path


def test_the_sample_has_sixty_passengers_first_and_last(data):
    with (data / "titanic_sample.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["PassengerId"]) for row in rows] == [*range(1, 31), *range(862, 892)]
    assert len(rows[0]) == 12


def test_the_sample_is_taken_from_the_whole_list_to_the_letter(data, whole):
    lines = whole.read_bytes().split(b"\n")
    sample = (data / "titanic_sample.csv").read_bytes()
    assert sample == b"\n".join([lines[0], *lines[1:31], *lines[862:892], b""])


def test_the_registry_means_the_list_that_the_figures_come_from(data, whole):
    name, known_hash, address = registered(data)
    assert (name, known_hash[:7]) == ("titanic.csv", "sha256:")
    assert address.startswith("https://")
    assert hashlib.sha256(whole.read_bytes()).hexdigest() == known_hash[7:]


def test_the_notebook_runs_without_a_network_and_keeps_fifty_of_the_sample(
    course_root, monkeypatch, tmp_path
):
    monkeypatch.setenv("DELTARULE_DATA", str(tmp_path / "nothing_there"))
    names = run_notebook(course_root, monkeypatch, whole_list=False, until="recorded = ")
    assert len(names["passengers"]) == 60
    assert tuple(names["x"].shape) == (50, 3)
    assert not (tmp_path / "nothing_there").exists()


def test_scikit_learn_finds_the_seeds_coefficients_in_the_whole_list(
    course_root, monkeypatch, cache_with_the_whole_list
):
    names = run_notebook(course_root, monkeypatch, whole_list=True, until="recorded = ")
    assert len(names["passengers"]) == 891
    assert len(names["features"]) == 714
    found = dict(zip(names["NAMES"], names["best_parameters"], strict=True))
    assert found == pytest.approx(SEED_FIGURES, abs=6e-6)


def test_the_notebooks_own_pytorch_class_finds_them_too(
    course_root, monkeypatch, cache_with_the_whole_list
):
    import torch

    names = run_notebook(course_root, monkeypatch, whole_list=True, until="recorded = ")
    x, y = names["x"].double(), names["y"].double()
    torch.manual_seed(0)
    model = names["LogisticRegressionPytorch"]().double()
    newton = torch.optim.LBFGS(
        model.parameters(), max_iter=500, tolerance_grad=1e-10, line_search_fn="strong_wolfe"
    )

    def loss():
        newton.zero_grad()
        value = torch.nn.functional.binary_cross_entropy(model(x), y)
        value.backward()
        return value

    newton.step(loss)
    found = [*model.linear.weight.detach()[0].tolist(), model.linear.bias.item()]
    assert found == pytest.approx(list(SEED_FIGURES.values()), abs=5e-4)


def test_the_nine_numbers_of_the_network_have_the_loss_that_the_text_says(
    course_root, monkeypatch, cache_with_the_whole_list
):
    import torch

    names = run_notebook(course_root, monkeypatch, whole_list=True, until="recorded = ")
    source = (course_root / "source" / "titanic" / "titanic.md").read_text(encoding="utf-8")
    network_class = source[source.index("class TitanicMLP") :].split("```")[0]
    weights = source[source.index("network = TitanicMLP()") :].split("```")[0]
    with contextlib.redirect_stdout(io.StringIO()):
        exec(network_class + weights, names)
    with torch.no_grad():
        probability = names["network"](names["x"][:, :2])
    loss = torch.nn.functional.binary_cross_entropy(probability, names["y"]).item()
    assert loss == pytest.approx(ROUNDED_LOSS, abs=5e-5)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (ConnectionError("no route"), r"load_passengers\(\) need none"),
        (ValueError("hashes differ"), "sends another file"),  # so pooch tells a wrong hash
    ],
)
def test_what_cannot_be_fetched_is_told_with_what_to_do(
    raised, said, course_root, data, monkeypatch, tmp_path
):
    import pooch

    def retrieve(url, known_hash, fname, path):
        assert [fname, known_hash, url] == registered(data)
        assert os.fspath(path) == str(tmp_path)
        raise raised

    names = run_notebook(course_root, monkeypatch, whole_list=False, until="passengers = load")
    monkeypatch.setattr(pooch, "retrieve", retrieve)
    monkeypatch.setenv("DELTARULE_DATA", str(tmp_path))
    with pytest.raises(RuntimeError, match=said):
        names["load_passengers"](whole=True)


def test_the_recorded_run_ends_at_the_seeds_coefficients(data):
    sgd, adam = recorded(data)["sgd"], recorded(data)["adam"]
    epochs = [int(row["epoch"]) for row in sgd]
    assert epochs == sorted(set(epochs))
    assert epochs[-1] == 200_000
    for last, allowed in ((sgd[-1], 3e-3), (adam[-1], 2e-5)):
        found = {name: float(last[name]) for name in SEED_FIGURES}
        assert found == pytest.approx(SEED_FIGURES, abs=allowed)


def test_the_recorded_run_converges_when_the_text_says(data):
    def first(rows, level):
        return next(int(row["epoch"]) for row in rows if float(row["gradient"]) < level)

    assert 100_000 < first(recorded(data)["sgd"], 1e-5) <= 150_000
    assert 6_000 < first(recorded(data)["adam"], 1e-5) <= 10_000
