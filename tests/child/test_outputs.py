"""Records become outputs: streams are joined, updates find their display, limits hold."""

import json

from deltarule.grading.sandbox.outputs import Outputs, records


def lines(*found):
    return b"\n".join(json.dumps(one).encode() for one in found)


def outputs(*found, most=1000, displays=None):
    taken = Outputs(most, {} if displays is None else displays)
    taken.take(records(lines(*found), most))
    return taken.items


def text(text, name="stdout"):
    return {"kind": "text", "name": name, "text": text}


def display(value, **more):
    return {"kind": "display", "data": {"text/plain": value}, "metadata": {}, **more}


def test_neighbouring_pieces_of_a_stream_are_joined():
    found = outputs(text("a"), text("b"), text("c", "stderr"), text("d"))
    assert [(one["name"], one["text"]) for one in found] == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


def test_a_display_parts_a_stream():
    found = outputs(text("a"), display("x"), text("b"))
    assert [one["output_type"] for one in found] == ["stream", "display_data", "stream"]


def test_an_update_changes_the_display_where_it_stands():
    displays = {}
    named = {"transient": {"display_id": "one"}}
    (first,) = outputs(display("before", **named), displays=displays)
    assert outputs({**display("after", **named), "kind": "update"}, displays=displays) == []
    assert first["data"] == {"text/plain": "after"}


def test_clearing_takes_away_what_was_shown():
    assert outputs(text("a"), {"kind": "clear", "wait": False}) == []
    assert len(outputs(text("a"), {"kind": "clear", "wait": True})) == 1
    (kept,) = outputs(text("a"), {"kind": "clear", "wait": True}, text("b"))
    assert kept["text"] == "b"


def test_more_than_is_allowed_is_left_out_and_said():
    (one,) = outputs(text("x" * 50), text("y" * 5000), most=100)
    assert one["text"].startswith("x" * 50 + "y" * 50 + "\n[The rest")
    assert len(one["text"]) < 250
    assert "more than 100 bytes" in one["text"]


def test_a_large_display_is_left_out():
    (note,) = outputs(display("x" * 5000), most=100)
    assert "left out" in note["text"]


def test_torn_and_forged_lines_are_passed_over():
    data = b'{"kind": "te\n[1]\n5\n\xff\n' + lines(text("kept"), {"kind": "magic"}, {"kind": ["x"]})
    taken = Outputs(1000, {})
    taken.take(records(data, 1000))
    assert [one["text"] for one in taken.items] == ["kept"]


def test_data_of_a_wrong_type_is_left_out():
    data = {"text/plain": 5, "text/html": ["a", "b"], "application/json": {"a": None}, "x": [1]}
    (one,) = outputs({"kind": "display", "data": data, "metadata": {}})
    assert one["data"] == {"text/html": ["a", "b"], "application/json": {"a": None}}


def test_numbers_that_json_does_not_know_are_none():
    taken = Outputs(1000, {})
    line = b'{"kind": "display", "data": {"application/json": [NaN, 1]}, "metadata": {}}'
    taken.take(records(line, 1000))
    assert taken.items[0]["data"] == {"application/json": [None, 1]}


def test_an_endless_number_of_records_is_not_read():
    found = list(records(b"{}\n" * 10**6, 1000))
    assert len(found) < 20_000


def test_updates_of_many_outputs_are_cheap():
    displays = {}
    named = {"transient": {"display_id": "one"}}
    shown = outputs(*[display("x", **named)] * 3000, most=10**7, displays=displays)
    outputs(*[{**display("y", **named), "kind": "update"}] * 5000, most=10**7, displays=displays)
    assert len(displays["one"]) <= 50
    assert shown[0]["data"] == {"text/plain": "y"}


def test_ids_that_nobody_showed_are_not_kept():
    displays = {}
    for number in range(3000):
        named = {"transient": {"display_id": str(number)}}
        outputs({**display("y", **named), "kind": "update"}, displays=displays)
        outputs(
            display("y", **named),
            display("z", transient={"display_id": "x" * 9999}),
            displays=displays,
        )
    assert len(displays) == 2000


def test_infinite_numbers_are_none():
    taken = Outputs(1000, {})
    line = (
        b'{"kind": "display", "data": {"application/json": [1e999, -1e999, 1.5]}, "metadata": {}}'
    )
    taken.take(records(line, 1000))
    assert taken.items[0]["data"] == {"application/json": [None, None, 1.5]}


def test_counts_that_are_none_are_left_out():
    found = outputs(
        *({**display("x"), "kind": "result", "count": n} for n in (3, True, -1, 10**400))
    )
    assert [one["execution_count"] for one in found] == [3, None, None, None]
