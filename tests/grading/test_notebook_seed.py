"""What a notebook's generators start from says nothing of the secret inputs."""

from collections import Counter

from deltarule.grading.submission import NOTEBOOK_SEEDS, notebook_seed


def test_a_run_can_be_repeated_and_another_starts_elsewhere():
    assert notebook_seed(7) == notebook_seed(7)
    assert len({notebook_seed(seed) for seed in range(50)}) > 40


def test_so_many_secret_seeds_share_one_that_none_can_be_told():
    shared = Counter(notebook_seed(seed) for seed in range(100_000))
    assert set(shared) == set(range(NOTEBOOK_SEEDS))
    assert min(shared.values()) > 40
