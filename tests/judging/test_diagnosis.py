"""The bank of misconceptions, and the rule that a name is given only where it is certain."""

import itertools
import re

import numpy as np
import pytest

from deltarule import engine, judging
from deltarule.judging.cases import network_cases
from deltarule.judging.diagnosis import Evidence, diagnose
from deltarule.judging.misconceptions import GRADIENT_BANK


def evidence_of(steps, seed=1):
    """What a student's code with these steps would give, rounded to each case's precision."""
    seen = []
    for case in network_cases(np.random.default_rng(seed)):
        trace = engine.forward(case.network, case.x)
        gradients = engine.backward(case.network, trace, case.y, steps).by_parameter()
        rounded = tuple(a.astype(case.dtype).astype(np.float64) for a in gradients)
        seen.append(Evidence(case, rounded, case.dtype))
    return seen


def test_the_bank_is_large_and_every_entry_speaks_to_a_student():
    assert len(GRADIENT_BANK) >= 25
    names = [one.name for one in GRADIENT_BANK]
    assert len(set(names)) == len(names)
    for one in GRADIENT_BANK:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)+", one.name)
        assert one.explanation.endswith(".")
        assert len(one.hint) > 30
        assert "@" not in one.hint
        assert ".T" not in one.hint  # a hint is not the line of code


@pytest.mark.parametrize("one", GRADIENT_BANK, ids=lambda one: one.name)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_misconception_is_named(one, seed):
    for change in one.changes:
        found = diagnose(evidence_of(change(engine.STEPS), seed))
        assert found is not None
        assert found.name == one.name


def test_right_gradients_have_no_diagnosis():
    assert diagnose(evidence_of(engine.STEPS)) is None


PAIRS = [
    ("missing-batch-mean", "hidden-derivative-missing"),
    ("missing-factor-two", "bias-gradient-averaged"),
    ("sign-flipped", "derivative-at-z-out"),
    ("only-last-sample", "tanh-derivative-not-squared"),
    ("output-derivative-missing", "first-layer-forgotten"),
]


@pytest.mark.parametrize("names", PAIRS, ids="+".join)
def test_two_mistakes_at_once_are_both_named(names):
    steps = engine.STEPS
    for one in GRADIENT_BANK:
        if one.name in names:
            steps = one.changes[0](steps)
    found = diagnose(evidence_of(steps))
    assert found is not None
    assert set(found.name.split("+")) == set(names)


def test_a_pair_that_amounts_to_a_single_is_called_by_the_single_name():
    by_name = {one.name: one for one in GRADIENT_BANK}
    steps = by_name["hidden-derivative-missing"].changes[0](engine.STEPS)
    steps = by_name["output-derivative-missing"].changes[0](steps)
    found = diagnose(evidence_of(steps))
    assert found is not None
    assert found.name == "derivative-missing"


def test_a_pair_that_cancels_is_right():
    by_name = {one.name: one for one in GRADIENT_BANK}
    steps = engine.STEPS
    for name in ("missing-factor-two", "factor-two-twice"):
        steps = by_name[name].changes[0](steps)
    assert diagnose(evidence_of(steps)) is None


def test_nothing_is_said_where_two_candidates_cannot_be_told_apart():
    """A network without hidden layers, one sample: many mistakes look alike."""
    steps = {one.name: one for one in GRADIENT_BANK}["only-last-sample"].changes[0](engine.STEPS)
    every = evidence_of(steps)
    assert diagnose(every).name == "only-last-sample"
    single = [e for e in every if len(e.case.x) == 1]
    assert diagnose(single) is None


@pytest.mark.parametrize("seed", range(20))
def test_noise_has_no_name(seed):
    rng = np.random.default_rng(seed)
    noisy = [
        Evidence(e.case, tuple(g + rng.normal(0, 0.01, g.shape) for g in e.gradients), e.dtype)
        for e in evidence_of(engine.STEPS)
    ]
    assert diagnose(noisy) is None


def test_three_mistakes_at_once_have_no_name():
    chosen = ("missing-batch-mean", "hidden-derivative-missing", "bias-gradient-averaged")
    steps = engine.STEPS
    for one in GRADIENT_BANK:
        if one.name in chosen:
            steps = one.changes[0](steps)
    assert diagnose(evidence_of(steps)) is None


def test_the_exact_gradient_of_a_wrong_forward_pass_is_recognised(judged, lab4, monkeypatch):
    class Doubled(lab4.NeuralNetwork):
        """Its forward squares the last output, and its backward follows."""

        def forward(self, x):
            return super().forward(x) ** 2

        def backward(self, x, y):
            out = lab4.NeuralNetwork.forward(self, x)
            loss_gradient = 2 * (out**2 - y) / len(y) * 2 * out
            delta = loss_gradient[:, None] * self.layers[-1].act.get_gradient(
                self.layers[-1].last_zin
            )
            for layer, previous in itertools.pairwise([None, *self.layers][::-1]):
                layer.linear.weight_grad = layer.last_input.T @ delta
                layer.linear.bias_grad = delta.sum(0)
                if previous is not None:
                    slope = previous.act.get_gradient(previous.last_zin)
                    delta = delta @ layer.linear.weight.T * slope

    monkeypatch.setenv(judging.SEED_VARIABLE, "5")
    assert judged(judging.network_outputs, [Doubled]).credit < 1.0
    full = judged(judging.network_gradients, [Doubled])
    assert full.credit == 1.0
    assert "your own forward pass" in full.message
    assert judged(judging.network_gradients, [Doubled], own_forward=0.25).credit == 0.25


def test_a_wrong_backward_over_a_wrong_forward_earns_nothing_by_it(judged, lab4, monkeypatch):
    class Wrong(lab4.NeuralNetwork):
        def forward(self, x):
            return 0.5 * super().forward(x)

    monkeypatch.setenv(judging.SEED_VARIABLE, "5")
    assert judged(judging.network_gradients, [Wrong]).credit == 0.0


def test_the_diagnosis_reaches_the_student_and_the_result(judged, lab4, monkeypatch):
    class Summed(lab4.NeuralNetwork):
        def backward(self, x, y):
            super().backward(x, y)
            for layer in self.layers:
                layer.linear.weight_grad = layer.linear.weight_grad * len(x)
                layer.linear.bias_grad = layer.linear.bias_grad * len(x)

    monkeypatch.setenv(judging.SEED_VARIABLE, "5")
    sheet = judging.Sheet("backward", points=4)
    judged(judging.network_gradients, [Summed])
    bundle = sheet.score()._repr_mimebundle_()
    assert "not of its mean" in bundle["text/html"]
    assert bundle[judging.VERDICT_MIME]["diagnosis"]["name"] == "missing-batch-mean"
