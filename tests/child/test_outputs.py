"""Records become outputs: streams are joined, updates find their display, limits hold."""

import json

from deltarule.grading.sandbox.outputs import Outputs, records


def lines(*found):
    return b"\n".join(json.dumps(one).encode() for one in found)


def outputs(*found, most=1000, displays=None):
    taken = Outputs(most, {} if displays is None else displays)
    taken.take(records(lines(*found)))
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
    taken.take(records(data))
    assert [one["text"] for one in taken.items] == ["kept"]


def test_data_of_a_wrong_type_is_left_out():
    data = {"text/plain": 5, "text/html": ["a", "b"], "application/json": {"a": None}, "x": [1]}
    (one,) = outputs({"kind": "display", "data": data, "metadata": {}})
    assert one["data"] == {"text/html": ["a", "b"], "application/json": {"a": None}}


def test_numbers_that_json_does_not_know_are_none():
    taken = Outputs(1000, {})
    line = b'{"kind": "display", "data": {"application/json": [NaN, 1]}, "metadata": {}}'
    taken.take(records(line))
    assert taken.items[0]["data"] == {"application/json": [None, 1]}
