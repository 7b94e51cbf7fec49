"""Run a command as another user: ``python as_user.py plain|root <command> ...``, as root.

Folders that only root may enter would keep that user, and sandboxes of another user, from the
interpreter. The command sees them opened in a mount namespace of its own, which ends with it:
nothing on the machine is changed.
"""

import os
import sys
import tempfile
from pathlib import Path

from deltarule.grading.child import linux

USER = 54321
BIND = linux.MS_BIND | linux.MS_REC
TREES = {Path(sys.base_prefix), Path(sys.prefix), Path(__file__).parents[2]}


def closed_folder(path):
    """The outermost folder around ``path`` that others may not enter, or None."""
    around = reversed([path, *path.parents])
    return next((folder for folder in around if not folder.stat().st_mode & 1), None)


def make_reachable(aside):
    """Put the trees where they are, but below a folder that everybody may enter."""
    hidden = {}
    for number, tree in enumerate(sorted(TREES)):
        if (closed := closed_folder(tree)) is not None:
            hidden[tree] = (closed, Path(aside, str(number)))
            hidden[tree][1].mkdir()
            linux.mount(str(tree), str(hidden[tree][1]), flags=BIND)
    for closed in {closed for closed, _ in hidden.values()}:
        linux.mount("tmpfs", str(closed), "tmpfs", 0, "size=1m,mode=755")
    for tree, (_, kept) in hidden.items():
        tree.mkdir(parents=True, exist_ok=True)
        linux.mount(str(kept), str(tree), flags=BIND)
        linux.unmount(str(kept))


def main(who, command):
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("none", "/", flags=linux.MS_REC | linux.MS_PRIVATE)
    with tempfile.TemporaryDirectory() as aside:
        make_reachable(aside)
    if who == "plain":
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HOME=home, PYTHONDONTWRITEBYTECODE="1")
        code = os.spawnv(os.P_WAIT, command[0], command)
    sys.exit(code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
