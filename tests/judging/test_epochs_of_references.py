"""Functions of a notebook that a judge is handed may be references, which refuse to be compared."""

from deltarule.judging import epochs


class Reference:
    """Refuses what a reference refuses."""

    __hash__ = None

    def __eq__(self, _):
        raise TypeError("it cannot take part in __eq__")

    __ne__ = __eq__


def test_a_wrong_epoch_is_judged_over_the_students_own_functions(monkeypatch):
    asked = []
    monkeypatch.setattr(epochs, "_over_own", lambda seen, subject, *pair: asked.append(pair))
    network, loss = Reference(), Reference()
    assert epochs._carried([], None, network, loss) is None
    assert [[one is None for one in pair] for pair in asked] == [
        [False, False],
        [False, True],
        [True, False],
    ]
    asked.clear()
    assert epochs._carried([], None, None, None) is None
    assert asked == []
