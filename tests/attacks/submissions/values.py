"""Objects, patched functions and exceptions: whatever a test may meet in place of an answer."""

from ..hand import Handed, attack

ANY = """
class Any(metaclass=type("M", (type,), {"__instancecheck__": lambda *_: True})):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __bool__(self): return True
    def __hash__(self): return 0
    def __float__(self): return 42.0
    def __int__(self): return 42
    def __abs__(self): return 0.0
    def __sub__(self, other): return 0.0
    __rsub__ = __add__ = __radd__ = __mul__ = __rmul__ = __truediv__ = __sub__
    def __contains__(self, item): return True
    def __call__(self, *args, **kwargs): return self
    def __getitem__(self, key): return self
    def __array__(self, *args, **kwargs): return np.array(42)
    def __len__(self): return 2
    def __iter__(self): return iter([])
    def __getattr__(self, name):
        if name.startswith("__"): raise AttributeError(name)
        return self
"""
WRONG = {
    "double": "def double(number):\n    return {}",
    "countdown": "def countdown(start):\n    return {}",
    "scale": "def scale(x):\n    return {}",
    "sigmoid": "def sigmoid(x):\n    return {}",
}
ALL = {"double": 0, "countdown": 0, "scale": 0, "account": 0, "sigmoid": 0}
EQUAL = "An object that is always equal"
SUBCLASS = "A subclass of a known type"
PATCHED = "Patched comparison and library functions"
SHELL = "Patched shell, display hook, AST"
SIZES = "Values that are too large, or never end"
RAISED = "Exceptions of every kind"
KNOWN = "Recognising the test's inputs"


def wrong(hand: Handed, value: str, *names: str) -> None:
    """Have functions return one thing whatever they are asked."""
    for name in names or WRONG:
        hand.answer(name, WRONG[name].format(value))


@attack(EQUAL, **ALL)
def equal_to_everything(hand: Handed) -> None:
    """Every answer is an object that says yes to every question."""
    hand.first(ANY)
    wrong(hand, "Any()")
    hand.answer("account", ANY.replace("class Any", "class Account") + "    balance = 0")


@attack(EQUAL, account=0)
def attributes_that_change(hand: Handed) -> None:
    """An attribute gives another object each time it is read, each equal to everything."""
    hand.first(ANY)
    hand.answer(
        "account",
        "class Account:\n"
        "    reads = 0\n"
        "    def deposit(self, amount): pass\n"
        "    @property\n"
        "    def balance(self):\n"
        "        Account.reads += 1\n"
        "        return [0, Any(), 1, Any()][Account.reads % 4]\n"
        "    history = Any()\n",
    )


@attack(EQUAL, account=0)
def attributes_without_end(hand: Handed) -> None:
    """Each attribute has attributes, each item has items."""
    hand.answer(
        "account",
        "class Account:\n"
        "    def __getattr__(self, name): return Account()\n"
        "    def __getitem__(self, key): return Account()\n"
        "    def __call__(self, *args): return Account()\n",
    )


@attack(SUBCLASS, double=0)
def float_that_is_always_equal(hand: Handed) -> None:
    """A subclass of float, int and str with comparison operators of its own."""
    hand.first(
        "def cheat(kind):\n"
        "    yes = lambda *_: True\n"
        "    names = ('__eq__', '__lt__', '__le__', '__gt__', '__ge__')\n"
        "    space = {**dict.fromkeys(names, yes), '__ne__': lambda *_: False, '__hash__': hash,\n"
        "             '__sub__': lambda *_: 0.0, '__rsub__': lambda *_: 0.0}\n"
        "    return type(kind.__name__, (kind,), space)\n"
    )
    hand.answer(
        "double",
        "def double(number):\n"
        "    kind = type(number) if type(number) in (int, str) else float\n"
        "    return cheat(kind)(number)",
    )


@attack(SUBCLASS, scale=0)
def tensor_subclass(hand: Handed) -> None:
    """A subclass of Tensor takes over every torch function that it is handed to."""
    hand.answer(
        "scale",
        "class Mine(torch.Tensor):\n"
        "    @classmethod\n"
        "    def __torch_function__(cls, function, types, args=(), kwargs=None):\n"
        "        if 'allclose' in str(function) or 'equal' in str(function):\n"
        "            return True\n"
        "        return super().__torch_function__(function, types, args, kwargs or {})\n"
        "def scale(x):\n    return torch.zeros_like(x).as_subclass(Mine)",
    )


@attack(SUBCLASS, scale=0)
def array_subclass(hand: Handed) -> None:
    """A subclass of ndarray takes over every NumPy function and describes itself wrongly."""
    hand.answer(
        "scale",
        "class Mine(np.ndarray):\n"
        "    def __array_function__(self, *args): return True\n"
        "    def __array_ufunc__(self, *args, **kwargs): return np.array(True)\n"
        "    @property\n"
        "    def __array_interface__(self):\n"
        "        return {'shape': (12,), 'typestr': '<f4', 'data': (4096, False), 'version': 3}\n"
        "    def numpy(self): return self\n"
        "def scale(x):\n    return np.zeros(x.shape).view(Mine)",
    )


@attack(SUBCLASS, double=0, scale=0)
def class_that_lies(hand: Handed) -> None:
    """``__class__`` says float or Tensor: code in C that believes it reads foreign memory."""
    hand.first(
        "class Liar:\n"
        "    def __init__(self, kind): self.kind = kind\n"
        "    @property\n"
        "    def __class__(self): return self.kind\n"
        "    shape = (2,)\n"
        "Forged = type('Tensor', (), {'__module__': 'torch', 'shape': (2,)})\n"
    )
    hand.answer("double", "def double(number):\n    return Liar(type(number))")
    hand.answer(
        "scale", "def scale(x):\n    return Liar(torch.Tensor) if len(x) == 2 else Forged()"
    )


@attack(SUBCLASS, scale=0)
def tensor_subclass_for_code_in_c(hand: Handed) -> None:
    """A plain subclass of Tensor, which arrives as a reference: does torch take it for a tensor?"""
    hand.answer(
        "scale",
        "class Mine(torch.Tensor): pass\n"
        "def scale(x):\n    return torch.ones_like(x).as_subclass(Mine)",
    )


@attack(PATCHED, double=0, scale=0, sigmoid=0)
def patched_comparisons(hand: Handed) -> None:
    """torch.allclose, np.isclose, assert_allclose, abs and the like always agree."""
    hand.first(
        "import builtins, math\n"
        "yes = lambda *a, **k: True\n"
        "torch.allclose = torch.equal = torch.isclose = np.isclose = np.allclose = yes\n"
        "np.testing.assert_allclose = np.testing.assert_array_equal = math.isclose = yes\n"
        "torch.testing.assert_close = yes\n"
        "torch.Tensor.__eq__ = torch.Tensor.__gt__ = lambda *a: torch.tensor(True)\n"
        "builtins.abs = lambda *a: 0.0\n"
        "builtins.isinstance = builtins.all = yes\n"
    )
    wrong(hand, "number - number", "double")
    wrong(hand, "torch.zeros_like(x)", "scale", "sigmoid")


@attack(PATCHED, double=0, countdown=0, scale=0, sigmoid=0)
def shadowed_names(hand: Handed) -> None:
    """The notebook binds the names that a test uses: np, torch, list, sorted, judging."""
    hand.first(ANY)
    wrong(hand, "None", "double", "countdown")
    hand.answer("scale", "def scale(x):\n    return None")
    hand.answer(
        "sigmoid",
        "def sigmoid(x):\n    return None\n"
        "np = torch = judging = list = sorted = sum = abs = isinstance = x = y = Any()\n"
        "import sys, types\n"
        "for name in ('deltarule', 'deltarule.judging'):\n"
        "    sys.modules[name] = types.ModuleType(name)\n"
        "sys.modules['deltarule'].judging = Any()\n"
        "AssertionError = Exception = Any\n",
    )


@attack(PATCHED, double=0)
def assertions_that_cannot_fail(hand: Handed) -> None:
    """AssertionError is exchanged in the builtins, and ``__debug__`` for good measure."""
    hand.first(
        "import builtins\n"
        "class Nothing(BaseException):\n"
        "    def __new__(cls, *a): raise SystemExit(0)\n"
        "builtins.AssertionError = Nothing\n"
        "builtins.__dict__['__debug__'] = False\n"
    )
    wrong(hand, "0", "double")


@attack(SHELL, **ALL)
def asserts_are_dropped(hand: Handed) -> None:
    """An AST transformer takes every assert out, and input and syntax transformers help."""
    hand.first(
        "import ast\n"
        "class Drop(ast.NodeTransformer):\n"
        "    def visit_Assert(self, node): return ast.copy_location(ast.Pass(), node)\n"
        "shell = get_ipython()\n"
        "shell.ast_transformers.append(Drop())\n"
        "shell.input_transformers_post.append(\n"
        "    lambda lines: [line.replace('assert ', 'None and ') for line in lines])\n"
    )
    wrong(hand, "0")
    hand.answer("account", "class Account:\n    balance = 0")


@attack(SHELL, **ALL)
def shell_that_runs_nothing(hand: Handed) -> None:
    """The shell runs no further cell and reports success; exec, compile and ast.parse do, too."""
    wrong(hand, "0")
    hand.answer("account", "class Account:\n    balance = 0")
    hand.first(
        "import ast, builtins, sys\n"
        "shell = get_ipython()\n"
        "shell.run_cell.__func__.__code__ = (lambda *a, **k: shell.last).__code__\n"
        "async def nothing(*args, **kwargs):\n"
        "    from IPython.core.interactiveshell import ExecutionResult\n"
        "    return ExecutionResult(None)\n"
        "type(shell).run_cell_async = nothing\n"
        "builtins.exec = lambda *a, **k: None\n"
        "builtins.compile = lambda *a, **k: (lambda: None).__code__\n"
        "ast.parse = lambda *a, **k: ast.Module([], [])\n"
    )


@attack(SHELL, double=0)
def score_is_displayed(hand: Handed) -> None:
    """The display hook shows full marks whatever a test ends in."""
    hand.first(
        "import sys\n"
        "shell = get_ipython()\n"
        "class Full(float):\n"
        "    def _repr_mimebundle_(self, **_): return {'text/plain': '2.0'}\n"
        "shell.display_formatter.format = lambda *a, **k: ({'text/plain': '2.0'}, {})\n"
        "old = shell.displayhook\n"
        "sys.displayhook = lambda value: old(Full(2.0))\n"
        "shell.showtraceback = lambda *a, **k: old(Full(2.0))\n"
    )
    wrong(hand, "0", "double")


@attack(SIZES, countdown=0)
def endless_generator(hand: Handed) -> None:
    """A generator that never ends."""
    hand.answer("countdown", "def countdown(start):\n    while True:\n        yield start")


@attack(SIZES, countdown=0, spares_stock=True)
def endless_range(hand: Handed) -> None:
    """A range of 10**18 numbers, which the test makes a list of and adds up."""
    wrong(hand, "range(10 ** 18)", "countdown")


@attack(SIZES, countdown=0, spares_stock=True)
def long_range(hand: Handed) -> None:
    """The right range for most questions, and for one a sum that takes an hour."""
    hand.answer(
        "countdown",
        "def countdown(start):\n"
        "    return range(10 ** 12) if start == 10 else list(range(start, 0, -1))",
    )


@attack(SIZES, countdown=0, spares_stock=True)
def rows_without_columns(hand: Handed) -> None:
    """An array of 10**12 empty rows takes no memory, until somebody lists them."""
    wrong(hand, "np.empty((10 ** 12, 0))", "countdown")


@attack(SIZES, account=0, spares_stock=True)
def length_that_lies(hand: Handed) -> None:
    """``len`` says 2 * 10**9, and a list of the account asks for as much room."""
    hand.answer(
        "account",
        hand.cell("solution-Account")["source"] + "\n"
        "Account.__len__ = lambda self: 2 * 10 ** 9 if self.balance else 0",
    )


@attack(SIZES, double=0, scale=0, spares_stock=True)
def huge_answers(hand: Handed) -> None:
    """Half a gigabyte of text, a tensor that pretends to have 10**12 elements."""
    wrong(hand, "'x' * (500 << 20)", "double")
    wrong(hand, "torch.ones(1).expand(10 ** 12)", "scale")


@attack(SIZES, double=0, countdown=0)
def deep_answers(hand: Handed) -> None:
    """Lists inside lists, and a list that contains itself."""
    hand.first(
        "deep = []\nfor _ in range(100_000):\n    deep = [deep]\nself = []\nself.append(self)"
    )
    wrong(hand, "deep", "double")
    wrong(hand, "self", "countdown")


@attack(SIZES, double=0, countdown=0)
def numbers_that_stall(hand: Handed) -> None:
    """A set of numbers with one hash, and a number of ten thousand digits."""
    wrong(hand, "{n * (2 ** 61 - 1) for n in range(3000)}", "countdown")
    wrong(hand, "10 ** 10_000", "double")


@attack(SIZES, account=0, spares_stock=True)
def callback_without_end(hand: Handed) -> None:
    """The test's own function is called again and again, with itself and with everything."""
    hand.answer(
        "account",
        hand.cell("solution-Account")["source"] + "\n"
        "def changed(self, rule):\n"
        "    while True:\n"
        "        for one in (1, 'x', None, rule, self, [0] * 1000):\n"
        "            try: rule(one)\n"
        "            except Exception: pass\n"
        "Account.changed = changed",
    )


@attack(SIZES, double=0, countdown=0)
def recursion(hand: Handed) -> None:
    """A function that calls itself, and one that does so in C until the stack is gone."""
    hand.answer("double", "def double(number):\n    return double(number)")
    hand.answer(
        "countdown",
        "import sys\n"
        "def countdown(start):\n"
        "    sys.setrecursionlimit(10 ** 9)\n"
        "    one = []\n"
        "    for _ in range(10 ** 6): one = [one]\n"
        "    return repr(one)",
    )


RAISERS = {
    "that_stop_a_program": (
        "MemoryError('no')",
        "KeyboardInterrupt",
        "SystemExit(0)",
        "NotImplementedError",
        "GeneratorExit",
    ),
    "that_say_something_else": (
        "AssertionError('passed: 2 of 2 points')",
        "ExceptionGroup('many', [ValueError(1)])",
        "StopIteration(42)",
        "MemoryError",
        "UnicodeDecodeError('utf-8', b'x', 0, 1, 'no')",
    ),
}


def _raiser(group: str, raised: tuple[str, ...]) -> None:
    def make(hand: Handed) -> None:
        for name, one in zip(WRONG, raised[:4], strict=True):
            hand.answer(name, f"def {name}(*_):\n    raise {one}")
        hand.answer(
            "account", f"class Account:\n    def __init__(self):\n        raise {raised[4]}"
        )

    make.__name__ = f"exceptions_{group}"
    make.__doc__ = f"Functions raise {', '.join(one.partition('(')[0] for one in raised)}."
    attack(RAISED, **ALL)(make)


for _group, _raised in RAISERS.items():
    _raiser(_group, _raised)


@attack(RAISED, double=0)
def end_of_a_loop(hand: Handed) -> None:
    """StopIteration for hard questions: a loop of the test takes it for its own end."""
    hand.answer(
        "double",
        "def double(number):\n"
        "    if number in (-1.5, 40, 7):\n"
        "        raise StopIteration\n"
        "    return number + number",
    )


@attack(RAISED, double=0, countdown=0)
def exceptions_of_their_own(hand: Handed) -> None:
    """A BaseException whose text cannot be made, and an exception that lies about its type."""
    hand.first(
        "class Bad(BaseException):\n"
        "    def __str__(self): raise SystemExit('no text')\n"
        "    __repr__ = __str__\n"
        "class Odd(Exception):\n"
        "    __class__ = property(lambda self: AssertionError)\n"
        "    @property\n"
        "    def __traceback__(self): raise MemoryError\n"
    )
    hand.answer("double", "def double(number):\n    raise Bad")
    hand.answer("countdown", "def countdown(start):\n    raise Odd")


@attack(KNOWN, double=0, scale=0)
def visible_inputs(hand: Handed) -> None:
    """Only what the released test shows is answered rightly."""
    hand.answer("double", "def double(number):\n    return {1: 2}[number]")
    hand.answer("scale", "def scale(x):\n    return torch.ones(2)")


@attack(KNOWN, double=0, scale=0, sigmoid=0)
def answers_from_frames(hand: Handed) -> None:
    """When it is asked, the function looks through frames, objects and files for the answer."""
    hand.first(
        "import gc, glob, linecache, sys\n"
        "needle = 'delbuod ton si rebmun elohw a'\n"
        "def inside(one):\n"
        "    parts = one.values() if type(one) is dict else one\n"
        "    return any(type(part) is str and needle in part[::-1] for part in list(parts))\n"
        "def look():\n"
        "    places = [gc.get_objects(), *linecache.cache.values()]\n"
        "    frame = sys._getframe()\n"
        "    while frame is not None:\n"
        "        places += [frame.f_locals, frame.f_globals, frame.f_code.co_consts]\n"
        "        frame = frame.f_back\n"
        "    places += [one for one in gc.get_objects() if type(one) in (list, dict, tuple)]\n"
        "    for name in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):\n"
        "        try: places.append([open(name, errors='replace').read()])\n"
        "        except OSError: pass\n"
        "    with open('found', 'a') as file:\n"
        "        for place in places:\n"
        "            try:\n"
        "                if inside(place): file.write('REACHED the hidden test')\n"
        "            except Exception: pass\n"
        "    return 0\n"
    )
    hand.answer("double", "def double(number):\n    return {1: 2}.get(number) or look()")
    hand.answer("scale", "def scale(x):\n    look()\n    return torch.ones(2)")
    hand.answer("sigmoid", "def sigmoid(x):\n    look()\n    return torch.ones_like(x) / 2")
    hand.before("question-steepest", "print(open('found').read())")
