"""Forged answers: the student's code finds the sockets and files through which the grader hears."""

from ..hand import Handed, attack

ALL = {"double": 0, "countdown": 0, "scale": 0, "account": 0, "sigmoid": 0}
FORGED = "Forged frames on the channel"
RECORDS = "Forged records, closed and swapped descriptors"

PRELUDE = """
import json, os, socket, stat, struct, time
HOME = os.getpid()
def sockets():
    for number in range(3, 300):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                yield socket.socket(fileno=os.dup(number))
        except OSError:
            pass
def sized(head):
    return struct.pack(">Q", len(head)) + head
def packed(record):
    return sized(json.dumps({"blobs": [], **record}).encode())
def said(value, **more):
    return packed({"value": value, "changed": [], "changes": [], **more})
def forge(data):
    for one in sockets() if os.getpid() != HOME else ():
        one.settimeout(0.3)
        try:
            one.sendall(data)
        except OSError:
            pass
ZERO = {"array": {"dtype": "<f4", "shape": [2], "blob": 0}, "dtype": "float32", "tracked": False,
        "leaf": True, "parameter": False, "grad": None}
def array(dtype, shape):
    return {"shared": ["s1", {**ZERO, "array": {"dtype": dtype, "shape": shape, "blob": 0}}]}
"""

FRAMES = {
    "answers": {
        "true for every question": "said(True) * 50",
        "answers to later questions": "said(2) * 3 + said(42) * 2 + said({'float': '0.5'}) * 30",
        "an entry twice": 'sized(b\'{"value": 0, "value": 2, "changed": [], "changes": [],'
        ' "blobs": [], "blobs": []}\')',
        "calls of a function that is not there": (
            "packed({'call': [1, {'list': []}, {'mapping': ['dict', []]}], 'changes': []}) * 99"
        ),
    },
    "bytes": {
        "random bytes": "b'\\xff' * 100_000",
        "a huge length": "struct.pack('>Q', 2 ** 62) + b'x' * 1000",
        "a length that never comes": "struct.pack('>Q', 1_000_000) + b'{'",
        "deep JSON": "sized(b'[' * 2_000_000)",
    },
    "sizes": {
        "negative sizes": "packed({'value': 2, 'changed': [], 'changes': [], 'blobs': [-8, 8]})",
        "a terabyte announced": (
            "packed({'value': 2, 'changed': [], 'changes': [], 'blobs': [1 << 40]})"
        ),
        "a million parts": (
            "packed({'value': 2, 'changed': [], 'changes': [], 'blobs': [0] * 1_000_000})"
        ),
        "an array without bytes": "said({'shared': ['s1', ZERO]})",
    },
    "arrays": {
        "an array of objects": "said(array('O', [1]), blobs=[8]) + bytes(8)",
        "an array with an odd shape": "said(array('<f4', [0, 2 ** 60]), blobs=[0])",
        "texts that grow": "said({'texts': [[100_001], ['x' * 20_000] + [''] * 100_000]})",
        "numbers of one hash": (
            "said({'set': [{'int': str(n * (2 ** 61 - 1))} for n in range(150_000)]})"
        ),
    },
    "claims": {
        "a tensor by its name": "said({'held': [7, 'Tensor', ['torch.Tensor', 'torch.dtype']]})",
        "changes to what it does not hold": "said(2, changes=[['g99', ZERO], ['g1', 5]])",
        "changes to arguments that are not there": "said(2, changed=[[-1, 2], [10 ** 30, 2]])",
        "an exception of the grader's": (
            "packed({'error': {'type': 'Lost\\x1b[31m' + 'x' * 99999, 'bases': ["
            "'KeyboardInterrupt', 5, 'MemoryError'], 'message': 'y' * 10 ** 6, 'line': 'z'},"
            " 'changes': []})"
        ),
    },
    "nonsense": {
        "no number": "packed({'value': float('nan'), 'changed': [], 'changes': []})",
        "odd kinds": (
            "said({'mapping': [5, [[1, 2]]]}) + said({'frame': [[], [], []]}) + said({'': 0})"
        ),
        "a number that is a list": "said({'float': [1]}) + said({'int': '9' * 5000})",
        "no record": "sized(b'[]') + sized(b'7') + sized(b'null')",
    },
}
"""By group: what the functions of one submission send instead of an answer."""


def _forger(group: str, frames: dict[str, str]) -> None:
    def make(hand: Handed) -> None:
        hand.first(PRELUDE)
        for name, data in zip(
            ("double", "countdown", "scale", "sigmoid"), frames.values(), strict=True
        ):
            hand.answer(name, f"def {name}(*_):\n    forge({data})\n    time.sleep(0.1)")

    make.__name__ = f"frames_of_{group}"
    make.__doc__ = f"In the fork of a test the student's code sends: {', '.join(frames)}."
    attack(FORGED, double=0, countdown=0, scale=0, sigmoid=0)(make)


for _group, _frames in FRAMES.items():
    _forger(_group, _frames)


@attack(FORGED, sigmoid=0)
def forged_outcomes(hand: Handed) -> None:
    """Outcomes for the judging library that say nothing, too much, or fail at step -5."""
    hand.first(PRELUDE)
    hand.answer(
        "sigmoid",
        "outcomes = [\n"
        "    {'values': [], 'failure': None}, {'values': [True] * 500, 'failure': None},\n"
        "    {'values': [{'float': 10 ** 400}], 'failure': None},\n"
        "    {'values': [], 'failure': [-5, 'x' * 99999, '::error::0.5', 'z', {}]}, 5, [], None,\n"
        "    {'values': [{'opaque': ['tensor']}], 'failure': None}]\n"
        "def sigmoid(x):\n"
        "    if len(x) > 1:\n"
        "        for one in outcomes * 20: forge(packed({'outcome': one}))\n"
        "    return torch.full_like(x, 0.5)",
    )


@attack(FORGED, **ALL)
def nobody_forks(hand: Handed) -> None:
    """A hook in every new process answers the tests in the place of a copy, and ends at once."""
    hand.first(
        PRELUDE + "def answer():\n"
        "    data = json.dumps({'ready': 1, 'value': True, 'changes': []}).encode()\n"
        "    for one in sockets():\n"
        "        one.setblocking(False)\n"
        "        try: one.send(struct.pack('>I', len(data)) + data + said(True) * 100)\n"
        "        except OSError: pass\n"
        "    os._exit(0)\n"
        "import signal\n"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "os.register_at_fork(after_in_child=answer)\n"
    )


@attack(RECORDS)
def records_of_the_log(hand: Handed) -> None:
    """Records in the file of outputs: offsets beyond every file, half a megabyte of brackets."""
    hand.first(
        PRELUDE + "lines = [b'x', b'[]', b'[' * 500_000, b'{\"kind\": \"clear\"}',\n"
        '  b\'{"kind":"text","name":"stdout","text":"","upto":\' + b"9" * 60 + b"}",\n'
        '  b\'{"kind":"text","name":"stderr","text":"","upto":-1}\',\n'
        '  b\'{"kind":"result","data":{"text/plain":"1.0"},"count":-5,"metadata":{}}\',\n'
        '  b\'{"kind":"display","data":{"xjson":{"a":1}},"metadata":{"text/html":5}}\']\n'
        "for number in range(3, 300):\n"
        "    try:\n"
        "        if os.readlink(f'/proc/self/fd/{number}').startswith('/memfd:log'):\n"
        "            os.write(number, b'\\n'.join(lines) + b'\\n')\n"
        "    except OSError: pass\n"
    )


@attack(RECORDS, **ALL)
def outcome_of_a_cell(hand: Handed) -> None:
    """The runner's answer for a cell is forged: counts and errors of odd types."""
    hand.first(
        PRELUDE + "for number in range(40):\n"
        "    for count in (True, -5, 10 ** 40):\n"
        "        body = json.dumps({'done': 'extra-1', 'number': number, 'count': count,\n"
        "            'error': {'type': 7, 'message': [], 'cell': {}, 'line': -1, 'errno': 12}})\n"
        "        for one in sockets():\n"
        "            one.setblocking(False)\n"
        "            try: one.send(struct.pack('>I', len(body)) + body.encode())\n"
        "            except OSError: pass\n"
    )


@attack(RECORDS)
def odd_counts_and_types(hand: Handed) -> None:
    """A negative execution count and outputs of types that no notebook may have."""
    hand.first(
        "from IPython.display import display\n"
        "get_ipython().execution_count = -5\n"
        "display({'foojson': {'a': 1}, 'x': [1, 2], 'text/plain': 5}, raw=True,\n"
        "        metadata={'text/plain': {'isolated': True}})\n"
    )


@attack(RECORDS)
def closed_descriptors(hand: Handed) -> None:
    """Every open file and socket of the process is closed."""
    hand.first("import os\nos.closerange(0, 300)")


@attack(RECORDS, double=0)
def closed_descriptors_in_a_test(hand: Handed) -> None:
    """Every open file and socket is closed while a test is waiting."""
    hand.answer(
        "double", "import os\ndef double(number):\n    os.closerange(0, 300)\n    return 42"
    )
