"""Endless loops, processes that end, stop or wait, threads that come later."""

from ..hand import Handed, attack

LOOPS = "Endless loops, signals ignored"
ENDS = "os._exit, sys.exit, signals to itself"
BOMBS = "A time bomb in a thread or an exit hook"

CELLS = {
    "loops": (
        "while True: pass",
        "import time\n"
        "while True:\n    try:\n        time.sleep(0.01)\n    except BaseException: pass",
        "import signal\n"
        "for one in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "    signal.signal(one, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))\n"
        "while True: pass",
    ),
    "steps_without_end": (
        "9 ** 9 ** 9 ** 2",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
        "class Slow:\n    def __repr__(self):\n        while True: pass\nSlow()",
    ),
}


def _cells(group: str, sources: tuple[str, ...]) -> None:
    def make(hand: Handed) -> None:
        for source in sources:
            hand.first(source)

    make.__name__ = f"cells_with_{group}"
    make.__doc__ = (
        "Cells that never end: they catch everything, block every signal, stop themselves, or "
        "compute; what follows is honest."
    )
    attack(LOOPS)(make)


for _group, _sources in CELLS.items():
    _cells(_group, _sources)


@attack(LOOPS, double=0, countdown=0)
def loops_in_a_test(hand: Handed) -> None:
    """Functions that a test calls loop for ever, and stop their own process."""
    hand.answer("double", "def double(number):\n    while True: pass")
    hand.answer(
        "countdown",
        "import os, signal\ndef countdown(start):\n    os.kill(os.getpid(), signal.SIGSTOP)",
    )


@attack(ENDS, double=0, countdown=0, scale=0, account=0, sigmoid=0)
def ends_in_a_test(hand: Handed) -> None:
    """Functions that a test calls end, kill, abort, crash and replace their process."""
    hand.first("import ctypes, os, signal")
    hand.answer("double", "def double(number):\n    os._exit(0)")
    hand.answer("countdown", "def countdown(start):\n    os.kill(os.getpid(), signal.SIGKILL)")
    hand.answer("scale", "def scale(x):\n    os.abort()")
    hand.answer("account", "class Account:\n    def __init__(self):\n        ctypes.string_at(0)")
    hand.answer("sigmoid", "def sigmoid(x):\n    os.execv('/bin/true', ['/bin/true'])")


@attack(ENDS)
def ends_in_every_way(hand: Handed) -> None:
    """Cells that leave by exit, by SystemExit and by os._exit; what follows is run all the same."""
    for source in ("exit()", "quit()", "import sys; sys.exit(0)", "raise SystemExit", "1 / 0"):
        hand.first(source)
    hand.first("import os\nos._exit(0)")


@attack(BOMBS, double=0)
def thread_that_waits(hand: Handed) -> None:
    """A thread waits for the test and exchanges the function, the test and the shell under it."""
    hand.first(
        "import threading, time, sys\n"
        "def later():\n"
        "    while True:\n"
        "        time.sleep(0.005)\n"
        "        main = sys.modules['__main__'].__dict__\n"
        "        for frame in list(sys._current_frames().values()):\n"
        "            if 'assert' in str(frame.f_code.co_names):\n"
        "                main['double'] = lambda number: {1: 2}.get(number, 42)\n"
        "threading.Thread(target=later, daemon=True).start()\n"
    )
    hand.answer("double", "def double(number):\n    return 0")


@attack(BOMBS)
def exit_hooks(hand: Handed) -> None:
    """atexit hooks, finalizers and trace functions that never end, and threads that outlive all."""
    hand.first(
        "import atexit, sys, threading, time, weakref\n"
        "def forever(*_):\n    while True: time.sleep(1)\n"
        "atexit.register(forever)\n"
        "class Last:\n    __del__ = forever\n"
        "kept = Last()\n"
        "threading.Thread(target=forever).start()\n"
    )


@attack(BOMBS)
def cells_that_are_run_again(hand: Handed) -> None:
    """Cells that look harmless end the process; those before them are slow when run again."""
    hand.before(
        "question-steepest",
        "import os, time\n"
        "class Slow:\n"
        "    def __init_subclass__(cls):\n"
        "        if os.path.exists('seen'): time.sleep(1.5)\n"
        "class Deadly:\n"
        "    def __init_subclass__(cls):\n"
        "        open('seen', 'w').close(); os._exit(0)\n",
    )
    for number in range(12):
        hand.before("question-steepest", f"class Trick{number}(Slow):\n    pass")
    for number in range(8):
        hand.before("question-steepest", f"class Trap{number}(Deadly):\n    pass")
