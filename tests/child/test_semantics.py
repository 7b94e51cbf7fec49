"""Cells run as in a kernel: every odd cell gives the outputs that a real kernel gives."""

import base64
import json
import re
import sys

import nbclient
import nbformat
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sandboxes need Linux")

CELLS = {
    "value": "1 + 1",
    "silenced": "1 + 1;",
    "print_and_value": "print('a')\nprint('b', end='')\n[1, 2]",
    "streams": (
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('again')\n"
        "sys.stderr.write('more\\n')"
    ),
    "underscores": "(_, __, Out[1], _1, In[1])",
    "error": "def f(x):\n    return 1 / x\n\nf(0)",
    "chained_error": (
        "try:\n    {}['a']\nexcept KeyError as error:\n    raise ValueError('b') from error"
    ),
    "syntax_error": "x = (1,\ny = 2",
    "error_with_odd_text": "raise RuntimeError('é\\n\\x1b[31mred')",
    "error_without_text": (
        "class Odd(Exception):\n    def __str__(self):\n        return 'odd'\nraise Odd(1, 2)"
    ),
    "nothing": "",
    "comment": "# nothing",
    "none": "None",
    "await_at_top": (
        "import asyncio\nawait asyncio.sleep(0)\nawait asyncio.gather(asyncio.sleep(0, 5))"
    ),
    "task_of_an_earlier_cell": "task = asyncio.create_task(asyncio.sleep(0, 7))",
    "result_of_that_task": "await task",
    "run_in_a_running_loop": (
        "async def g():\n    return 1\ntry:\n    c = g()\n    asyncio.run(c)\n"
        "except RuntimeError as error:\n    c.close()\n    print(error)"
    ),
    "html": "from IPython.display import HTML, display, Markdown, JSON\nHTML('<b>x</b>')",
    "several_displays": "display(Markdown('*a*'), {'b': 1})\ndisplay(3)",
    "display_with_metadata": "display({'text/plain': 'x'}, raw=True, metadata={'a': 1})",
    "json": "JSON({'a': [1, 2, None]})",
    "updated_display": "h = display('before', display_id='one')",
    "update": "h.update('after')\nprint('done')",
    "cleared": (
        "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('kept')"
    ),
    "cleared_when_more_comes": "print('gone')\nclear_output(wait=True)\nprint('kept')",
    "rich_reprs": (
        "class R:\n    def _repr_html_(self):\n        return '<i>r</i>'\n"
        "    def _repr_latex_(self):\n        return '$r$'\n"
        "    def __repr__(self):\n        return 'R'\nR()"
    ),
    "mime_bundle": (
        "class M:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        return {'text/plain': 'm', 'text/markdown': '**m**'}\nM()"
    ),
    "repr_that_fails": (
        "class B:\n    def __repr__(self):\n        raise ValueError('no repr')\nB()"
    ),
    "html_that_fails": (
        "class H:\n    def _repr_html_(self):\n        raise ValueError('no html')\n"
        "    def __repr__(self):\n        return 'H'\nH()"
    ),
    "frame": "import pandas as pd\npd.DataFrame({'a': [1, 2]})",
    "inline": "%matplotlib inline",
    "figure": "import matplotlib.pyplot as plt\nplt.figure(figsize=(2, 1))\nplt.plot([1, 2]);",
    "two_figures": (
        "for _ in range(2):\n    plt.figure(figsize=(1, 1))\n    plt.plot([1])\n    print('x')"
    ),
    "figure_shown": "plt.figure(figsize=(1, 1)); plt.plot([1]); plt.show(); print('after')",
    "figure_as_value": "fig, ax = plt.subplots(figsize=(1, 1))\nfig",
    "figure_before_an_error": "plt.figure(figsize=(1, 1))\nplt.plot([1])\n1 / 0",
    "shell_escape": "!echo hello",
    "captured_escape": "lines = !printf 'a\\nb\\n'\nlines",
    "script_cell": "%%bash\necho from bash",
    "line_magic": "%pwd is None\n%time 1 + 1",
    "captured": "%%capture taken\nprint('hidden')",
    "what_was_captured": "taken.stdout",
    "written_file": "%%writefile module_beside.py\nvalue = 42",
    "module_beside": "import module_beside\nmodule_beside.value",
    "unknown_magic": "%no_such_magic",
    "unknown_cell_magic": "%%no_such_magic\nx",
    "help": "len?",
    "input": "input('name? ')",
    "password": "import getpass\ngetpass.getpass()",
    "system_exit": "import sys\nsys.exit(3)",
    "after_the_exit": "'still here'",
    "keyboard_interrupt": "raise KeyboardInterrupt",
    "warning": "import warnings\nwarnings.warn('careful')",
    "thread": (
        "import threading\nt = threading.Thread(target=print, args=('from a thread',))\n"
        "t.start()\nt.join()"
    ),
    "is_terminal": "(sys.stdout.isatty(), sys.stdout.encoding)",
    "main_module": "import __main__\n(__name__, __main__.f is f)",
    "dataclass_and_source": (
        "import inspect\ndef source():\n    return 1\nprint(inspect.getsource(source))"
    ),
    "traceback_module": (
        "import traceback\ntry:\n    f(0)\nexcept ZeroDivisionError:\n    traceback.print_exc()"
    ),
    "shell_itself": "get_ipython().execution_count",
    "nested_run_cell": "get_ipython().run_cell('print(5)').success",
    "assertion_with_a_value": "assert [1, 2] == [1, 3], 'differ'",
    "last_of_several": "1\n2\n3",
    "value_in_a_block": "if True:\n    4",
    "assignment": "z = 5",
    "long_list": "list(range(3000))[-1:], 'x' * 10",
    "carriage_return": (
        "import sys\nfor i in range(3):\n    sys.stdout.write(f'\\r{i}')\n    sys.stdout.flush()"
    ),
}
"""Cells that a kernel treats in its own way, run in this order."""

ORDER_DIFFERS = {"streams"}
"""A kernel's two streams overtake each other; ours stay in the order of writing."""

OWN_FRAMES = {"input", "password"}
"""A kernel's traceback ends in the kernel's own code; ours in the student's."""

FILE_NAME = re.compile(r"(/[^\s\"]*/ipykernel_\d+/)?\b\d+\.py\b")
TIMES = re.compile(r"[\d.e+]+ (ns|μs|ms|s)\b")


def comparable(name, outputs):
    """Outputs without what two runs cannot share: times, file names, pixels."""
    found = []
    for output in json.loads(json.dumps(outputs)):
        for kind in output.get("data", {}):
            if kind.startswith("image/"):
                output["data"][kind] = base64.b64decode(output["data"][kind])[:8]
        if output["output_type"] == "error" and name in OWN_FRAMES:
            output["traceback"] = [output["traceback"][0], output["traceback"][-1]]
        if "text" in output:
            output["text"] = TIMES.sub("TIME", FILE_NAME.sub("FILE", output["text"]))
        if "evalue" in output:
            output["evalue"] = FILE_NAME.sub("FILE", output["evalue"])
        last = found[-1] if found else {}
        if "text" in output and output["name"] == last.get("name"):
            last["text"] += output["text"]
            continue
        found.append(output)
    if name in ORDER_DIFFERS:
        streams = {one["name"]: "" for one in found if one["output_type"] == "stream"}
        for one in found:
            if one["output_type"] == "stream":
                streams[one["name"]] += one["text"]
        found = [streams, *(one for one in found if one["output_type"] != "stream")]
    return found


@pytest.fixture(scope="module")
def in_a_kernel(tmp_path_factory):
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS.values()]
    notebook = nbformat.v4.new_notebook(cells=cells)
    place = {"metadata": {"path": str(tmp_path_factory.mktemp("kernel"))}}
    nbclient.NotebookClient(notebook, timeout=120, allow_errors=True, resources=place).execute()
    return dict(zip(CELLS, notebook.cells, strict=True))


@pytest.fixture(scope="module", params=["namespaces", "landlock", "none"])
def in_a_child(request, boot):
    with boot(request.param).child() as child:
        return request.param, {name: child.run(name, source) for name, source in CELLS.items()}


NO_TERMINAL = {"shell_escape"}
"""Without terminals, in the Landlock tier, lines of programs end as the program ends them."""


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_gives_what_it_gives_in_a_kernel(name, in_a_kernel, in_a_child):
    tier, outcomes = in_a_child
    expected = comparable(name, in_a_kernel[name].outputs)
    if tier == "landlock" and name in NO_TERMINAL:
        expected = json.loads(json.dumps(expected).replace("\\r\\n", "\\n"))
    assert comparable(name, outcomes[name].outputs) == expected
    assert outcomes[name].count == in_a_kernel[name].execution_count
    assert outcomes[name].struck is None


def test_recorded_outputs_are_valid_in_nbformat(in_a_child):
    _, outcomes = in_a_child
    cells = [
        nbformat.v4.new_code_cell(
            CELLS[name],
            outputs=[nbformat.from_dict(one) for one in outcome.outputs],
            execution_count=outcome.count,
        )
        for name, outcome in outcomes.items()
    ]
    nbformat.validate(nbformat.v4.new_notebook(cells=cells))


def test_an_error_is_told_with_type_message_cell_and_line(open_child):
    open_child.run("first", "def f(x):\n    return 1 / x")
    outcome = open_child.run("second", "x = 0\nf(x)")
    assert (outcome.error.type, outcome.error.message) == ("ZeroDivisionError", "division by zero")
    assert (outcome.error.cell, outcome.error.line) == ("first", 2)


def test_a_cell_that_does_not_parse_is_told_with_its_line(open_child):
    outcome = open_child.run("broken", "x = 1\ny = (")
    assert (outcome.error.type, outcome.error.cell, outcome.error.line) == (
        "SyntaxError",
        "broken",
        2,
    )


@pytest.mark.parametrize(
    "call", ["exit()", "quit()", "import sys; sys.exit(0)", "raise SystemExit"]
)
def test_the_cells_after_an_exit_are_run(open_child, call):
    open_child.run("a", "x = 1")
    assert open_child.run("b", call).finished
    assert open_child.run("c", "x").outputs[0]["data"] == {"text/plain": "1"}


def test_the_grader_s_generators_are_seeded_alike_in_every_child(boot):
    source = "import random, numpy as np\n(random.random(), float(np.random.rand()))"
    seen = []
    for seed in (5, 5, 6):
        with boot("none").child(seed=seed) as child:
            seen.append(child.run("a", source).outputs[0]["data"]["text/plain"])
    assert seen[0] == seen[1] != seen[2]


def test_output_of_programs_and_c_code_stands_where_it_was_written(open_child):
    # A kernel reads it in a thread, so that its place there is a matter of luck.
    source = (
        "import os\nprint('first')\nos.write(1, b'low\\n')\n"
        "os.system('echo program; echo complaint >&2')\nprint('last')"
    )
    assert [(one["name"], one["text"]) for one in open_child.run("a", source).outputs] == [
        ("stdout", "first\nlow\nprogram\n"),
        ("stderr", "complaint\n"),
        ("stdout", "last\n"),
    ]


def test_interpreters_that_cells_start_find_the_packages(open_child):
    source = (
        "import subprocess, sys\n"
        "flags = subprocess._args_from_interpreter_flags()\n"
        "print(subprocess.run([sys.executable, *flags, '-c', 'import numpy']).returncode)"
    )
    assert open_child.run("a", source).outputs[0]["text"] == "0\n"


def test_joblib_works_in_parallel_or_one_after_the_other(child):
    pytest.importorskip("joblib")
    source = (
        "from joblib import Parallel, delayed\n"
        "print(Parallel(n_jobs=2)(delayed(abs)(i) for i in (-1, -2)))"
    )
    outcome = child.run("a", source)
    assert outcome.outputs[0]["text"] == "[1, 2]\n"


def test_files_stand_beside_the_notebook(child):
    child.put("data/table.csv", b"a,b\n1,2\n")
    outcome = child.run("a", "print(open('data/table.csv').read())")
    assert outcome.outputs[0]["text"] == "a,b\n1,2\n\n"


def test_a_fork_knows_the_names_and_changes_nothing(child):
    child.run("a", "x = [1]")
    with child.fork() as fork:
        assert fork.ask({"repr": "x"}, 10) == {"repr": "[1]"}
        assert "x" in fork.ask({"names": True}, 10)["names"]
    with child.fork() as fork:
        assert fork.ask({"repr": "y"}, 10) == {"error": "there is no such name"}
    assert child.run("b", "x").outputs[0]["data"]["text/plain"] == "[1]"


def test_what_a_fork_prints_is_shown_to_nobody(child):
    child.run(
        "a",
        "class Loud:\n    def __repr__(self):\n        print('secret input')\n        return '!'",
    )
    child.run("b", "loud = Loud()")
    with child.fork() as fork:
        assert fork.ask({"repr": "loud"}, 10) == {"repr": "!"}
    assert child.run("c", "print('x')").outputs == [
        {"output_type": "stream", "name": "stdout", "text": "x\n"}
    ]


def test_an_earlier_cell_s_output_follows_its_display_id(open_child):
    first = open_child.run("a", "h = display('before', display_id='one')")
    open_child.run("b", "h.update('after')")
    assert first.outputs[0]["data"] == {"text/plain": "'after'"}
