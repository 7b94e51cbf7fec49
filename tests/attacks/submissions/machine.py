"""Reaching for files, secrets, the network, and using up what the machine has.

Each attack prints ``REACHED`` where it gets at something. Bombs look first whether they are shut
in: this must never run outside of a sandbox.
"""

import textwrap

from ..hand import REACHED, SECRET, Handed, attack

FILES = "Solution, hidden tests, gradebook, other submissions"
SECRETS = "Secrets in the environment, in memory, in /proc"
NETWORK = "Any network, sockets of the machine"
PROCESSES = "Signals, tracing, detached processes"
BOMBS = "Fork, memory, shared-memory and file bombs"
OUTPUT = "Output without end"
HARD = frozenset({FILES, SECRETS, NETWORK, PROCESSES, BOMBS})
"""What has to do with who grades, and where."""

SHUT_IN = """
import os, sys
def shut_in():
    try:
        os.kill({grader}, 0)
    except OSError:
        return
    raise SystemExit("this runs outside of a sandbox")
shut_in()
"""


def tries(hand: Handed, *sources: str) -> None:
    """One cell for each; ``reached(what)`` says that something was got at."""
    target = hand.target
    values = {
        "course": str(target.course),
        "outside": str(target.outside),
        "grader": target.grader,
        "port": target.port,
        "abstract": target.abstract,
    }
    hand.first(
        "import ctypes, glob, os, pathlib, signal, socket, subprocess, sys\n"
        f"def reached(what): print({REACHED!r}, what)\n"
    )
    for source in sources:
        body = textwrap.indent(textwrap.dedent(source).strip(), "    ").format(**values)
        hand.first(f"try:\n{body}\nexcept (OSError, AttributeError, ImportError) as error: pass")


@attack(FILES)
def reads_the_course(hand: Handed) -> None:
    """The source with its hidden tests, the solution, the gradebook, what others handed in."""
    tries(
        hand,
        "open({course!r} + '/source/bank/bank.md').read(); reached('the source')",
        "open({course!r} + '/solutions/bank/bank.ipynb').read(); reached('the solution')",
        "open({course!r} + '/gradebook.db', 'rb').read(); reached('the gradebook')",
        "print(os.listdir({course!r} + '/submitted')); reached('the class')",
        "print(os.listdir({course!r} + '/build')); reached('what was compiled')",
        """
        for folder in [pathlib.Path.cwd(), *pathlib.Path.cwd().parents]:
            for name in ('source', 'solutions', 'gradebook.db', 'submitted'):
                if (folder / name).exists(): reached(folder / name)
        """,
        """
        out = subprocess.run(['find', '/', '-name', 'bank.md', '-not', '-path', '/proc/*'],
                             capture_output=True, timeout=2)
        if out.stdout.strip(): reached(out.stdout)
        """,
        "os.symlink({course!r}, 'link'); os.listdir('link'); reached('a link')",
    )


@attack(FILES)
def looks_into_history(hand: Handed) -> None:
    """After the tests: the shell's history, its file, and the lines that tracebacks are made of."""
    hand.before(
        "question-steepest",
        "import glob, linecache, os, sys\n"
        "needle = 'a whole number is not ' + 'doubled'\n"
        "shell = get_ipython()\n"
        "texts = [*shell.history_manager.input_hist_raw, *shell.user_ns.get('In', [])]\n"
        "texts += [str(lines) for lines in linecache.cache.values()]\n"
        "for name in glob.glob(os.path.expanduser('~/.ipython/**/*.sqlite'), recursive=True):\n"
        "    with open(name, 'rb') as file: texts.append(str(file.read()))\n"
        f"if any(needle in text for text in texts): print({REACHED!r}, 'the hidden test')\n",
    )


@attack(FILES)
def writes_outside(hand: Handed) -> None:
    """The gradebook, the graded notebooks, a file that everybody may write."""
    tries(
        hand,
        "open({course!r} + '/gradebook.db', 'ab').write(b'x'); reached('the gradebook')",
        "open({outside!r} + '/canary', 'a').write('x'); reached('the canary')",
        "open({outside!r} + '/left', 'w').write('x'); reached('a folder outside')",
        "os.truncate({outside!r} + '/canary', 0); reached('the canary')",
        """
        os.chmod({outside!r} + '/canary', 0o600)  # says that it did, where calls are answered
        if os.stat({outside!r} + '/canary').st_mode & 0o777 == 0o600: reached('the mode')
        """,
        """
        import site
        open(site.getsitepackages()[0] + '/evil.pth', 'w').write('x'); reached('the packages')
        """,
    )


@attack(FILES)
def detached_writer(hand: Handed) -> None:
    """A process that has left its group waits until all is graded, and then writes."""
    hand.first(
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        while True:\n"
        "            time.sleep(0.2)\n"
        f"            for name in ({str(hand.target.outside)!r} + '/late',"
        f" {str(hand.target.course)!r} + '/late'):\n"
        "                try: open(name, 'w').close()\n"
        "                except OSError: pass\n"
        "    os._exit(0)\n"
    )


@attack(SECRETS)
def looks_for_secrets(hand: Handed) -> None:
    """The grader's environment, command line, memory and open files."""
    word = f"{SECRET[:6]!r} + {SECRET[6:]!r}"
    tries(
        hand,
        f"if {word} in str(dict(os.environ)): reached('the environment')",
        f"""
        for name in glob.glob('/proc/[0-9]*/environ'):
            if ({word}).encode() in open(name, 'rb').read(): reached(name)
        """,
        "open('/proc/{grader}/cmdline').read(); reached('the command line')",
        "open('/proc/{grader}/mem', 'rb'); reached('the memory')",
        """
        for number in range(256):
            try: name = os.readlink(f'/proc/self/fd/{{number}}')
            except OSError: continue
            if {course!r} in name or {outside!r} in name: reached(name)
        """,
        "import deltarule; reached('the grader')",
    )


@attack(NETWORK)
def looks_for_a_network(hand: Handed) -> None:
    """TCP, UDP and Unix sockets, outward and to this machine; a server of its own."""
    tries(
        hand,
        "socket.create_connection(('127.0.0.1', {port}), 1); reached('TCP')",
        "s = socket.socket(socket.AF_UNIX); s.connect(chr(0) + {abstract!r}); reached('abstract')",
        """
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.sendto(b'x', ('192.0.2.1', 9)); reached('UDP')
        """,
        "socket.getaddrinfo('example.org', 80); reached('names')",
        "socket.socket(40, socket.SOCK_STREAM); reached('the machine below')",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW); reached('packets')",
    )


@attack(PROCESSES)
def looks_for_processes(hand: Handed) -> None:
    """Signals to the grader, tracing it, its limits, its priority, more rights."""
    tries(
        hand,
        "os.kill({grader}, 0); reached('a signal')",
        """
        libc = ctypes.CDLL(None)
        if libc.ptrace(0x4206, {grader}, 0, 0) == 0: reached('tracing')
        if libc.unshare(0x10000000) == 0: reached('a user namespace')
        if libc.mount(b'tmpfs', b'.', b'tmpfs', 0, 0) == 0: reached('mounting')
        """,
        "os.setuid(0) or os.getuid() == 0 and reached('root')",
        """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        reached('no limit of memory')
        """,
        "open('/proc/sys/kernel/core_pattern', 'ab'); reached('the kernel')",
    )


@attack(PROCESSES, spares_stock=True)
def kills_all_it_can(hand: Handed) -> None:
    """SIGKILL for every process that it may send one to."""
    hand.first(SHUT_IN.format(grader=hand.target.grader))
    hand.first("import os\nassert os.geteuid() != 0\nos.kill(-1, 9)")


@attack(BOMBS, spares_stock=True)
def fork_bomb(hand: Handed) -> None:
    """Processes that start processes, and threads that start threads."""
    hand.first(SHUT_IN.format(grader=hand.target.grader))
    hand.first("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass")
    hand.first(
        "import threading, time\n"
        "def more():\n"
        "    while True:\n"
        "        try: threading.Thread(target=more).start()\n"
        "        except RuntimeError: time.sleep(1)\n"
        "more()\n"
    )


@attack(BOMBS, double=0, spares_stock=True)
def fork_bomb_in_a_test(hand: Handed) -> None:
    """The function that the test calls starts processes without end."""
    hand.first(SHUT_IN.format(grader=hand.target.grader))
    hand.answer(
        "double",
        "def double(number):\n"
        "    while True:\n"
        "        try: os.fork()\n"
        "        except OSError: pass",
    )


@attack(BOMBS, spares_stock=True)
def memory_bomb(hand: Handed) -> None:
    """One process takes all it gets; then many take little each; then shared memory."""
    hand.first(SHUT_IN.format(grader=hand.target.grader))
    hand.first("kept = []\nwhile True: kept.append(bytearray(64 << 20))")
    hand.first(
        "import os, time\n"
        "for number in range(20):\n"
        "    if os.fork() == 0:\n"
        "        held = bytearray(os.urandom(1 << 20) * 60)\n"
        "        time.sleep(1000)\n"
        "time.sleep(1000)\n"
    )
    hand.first(
        "import os\n"
        "with open('/dev/shm/x', 'wb') as file:\n"
        "    while True: file.write(bytes(1 << 20))\n"
    )


@attack(BOMBS, double=0, spares_stock=True)
def memory_bomb_in_a_test(hand: Handed) -> None:
    """The function that the test calls takes all the memory it gets."""
    hand.first(SHUT_IN.format(grader=hand.target.grader))
    hand.answer(
        "double",
        "def double(number):\n    kept = []\n    while True: kept.append(bytearray(64 << 20))",
    )


@attack(BOMBS, spares_stock=True)
def file_bomb(hand: Handed) -> None:
    """One endless file, endless files, a file with a hole of a terabyte, folders inside folders."""
    hand.first(SHUT_IN.format(grader=hand.target.grader))
    hand.first("with open('big', 'wb') as file:\n    while True: file.write(bytes(1 << 20))")
    hand.first("n = 0\nwhile True:\n    n += 1\n    open(f'small{n}', 'wb').write(bytes(1 << 16))")
    hand.first("with open('hole', 'wb') as file: file.truncate(1 << 40)")
    hand.first("import os\nfor n in range(3000):\n    os.mkdir('d'); os.chdir('d')")


@attack(OUTPUT, spares_stock=True)
def thirty_megabytes(hand: Handed) -> None:
    """A print of 30 MB, and a display of as much."""
    hand.first("print('x' * (30 << 20))")
    hand.first("from IPython.display import HTML, display\ndisplay(HTML('<b>' * (10 << 20)))")
    hand.first("import os\nos.system('head -c 30000000 /dev/zero')")


@attack(OUTPUT, spares_stock=True)
def output_without_a_line_end(hand: Handed) -> None:
    """Characters without end and without a line end, printed and written."""
    hand.first(SHUT_IN.format(grader=hand.target.grader))
    hand.first("while True: print('x', end='')")
    hand.first("import os\nwhile True: os.write(1, b'y' * 4096)")


@attack(OUTPUT, spares_stock=True)
def many_cells_with_much_output(hand: Handed) -> None:
    """Dozens of cells, each with as much output as a cell may have."""
    for _ in range(45):
        hand.before("question-steepest", "print('x' * (1 << 20))")


@attack(OUTPUT, spares_stock=True)
def displays_that_grow(hand: Handed) -> None:
    """One cell after the other makes an earlier display larger, thousands of times."""
    last = "question-steepest"
    hand.before(last, "from IPython.display import HTML\nhandle = display('a', display_id='d')")
    for _ in range(50):
        hand.before(last, "display('a', display_id='d')")
    for _ in range(5):
        hand.before(last, "for n in range(500): handle.update(HTML('x' * 1500))")


@attack(OUTPUT, double=0)
def output_in_a_test(hand: Handed) -> None:
    """The function that a test calls prints and writes megabytes, and its exception is as long."""
    hand.answer(
        "double",
        "import os\n"
        "def double(number):\n"
        "    print('x' * (5 << 20))\n"
        "    os.write(2, b'y' * (5 << 20))\n"
        "    raise ValueError('z' * (10 << 20))",
    )
