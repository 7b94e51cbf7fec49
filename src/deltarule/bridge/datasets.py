"""Data sets that the course does not carry: where they come from, and how they are known.

An assignment lists them in ``source/<assignment>/data/registry.txt``, in the format of `pooch
<https://www.fatiando.org/pooch/latest/registry-files.html>`_: file name, hash, address. Comment
lines right above an entry describe it::

    # Passengers of the Titanic: 891 rows, one for each person.
    titanic.csv sha256:4a43... https://example.org/titanic.csv

A file is fetched once into a cache that all courses of a user share, and its hash decides, then and
later, whether it is the file that the author meant. A notebook that fetches for itself finds the
same copy with ``pooch.retrieve(address, hash, fname=name, path=cache)``.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from deltarule.config import Course
from deltarule.errors import AuthoringError, MachineryError, Problem, UsageError

__all__ = ["CACHE_VARIABLE", "DataSet", "cache_folder", "find_data_set", "known_data_sets"]

REGISTRY = "*/data/registry.txt"
CACHE_VARIABLE = "DELTARULE_DATA"
"""The environment variable that names another cache folder."""

ENTRY = "write 'file.csv sha256:<64 hexadecimal digits> https://...'"
SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})", re.IGNORECASE)


@dataclass(frozen=True)
class DataSet:
    """One entry of a registry.

    Attributes:
        name: file name, also in the cache.
        sha256: hash of the whole file, in hexadecimal digits.
        url: where it is fetched from.
        description: what the comment above the entry says, in one line.
        assignment: whose registry lists it.
        path: the registry as the author knows it, with ``line`` counted from 1.
    """

    name: str
    sha256: str
    url: str
    description: str
    assignment: str
    path: Path
    line: int

    @property
    def stem(self) -> str:
        """The name without its suffixes: ``titanic`` for ``titanic.csv``."""
        return self.name.split(".")[0]

    def is_fetched(self) -> bool:
        """Whether the cache has this very file."""
        import pooch

        path = cache_folder() / self.name
        return path.is_file() and pooch.file_hash(str(path)) == self.sha256

    def fetch(self, say: Callable[[str], None]) -> Path:
        """The file in the cache, fetched if it is not there yet or is not the right one.

        Raises:
            MachineryError: the cache cannot be written, the address does not answer, or what it
                sends is another file. Nothing is kept of that.
        """
        import pooch

        folder = cache_folder()
        try:
            if self.is_fetched():
                return folder / self.name
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cache_trouble(folder, error) from None
        if not os.access(folder, os.W_OK):
            raise _cache_trouble(folder, "it is not yours to write")
        say(f"fetching {self.url}")
        pooch.get_logger().setLevel("WARNING")
        try:
            fetched = pooch.retrieve(
                self.url, f"sha256:{self.sha256}", fname=self.name, path=folder
            )
        except OSError as error:  # the exceptions of requests are of this kind, too
            if (response := getattr(error, "response", None)) is not None:
                response.close()  # pooch leaves the connection of a refusal open
            raise MachineryError(
                f"{self.name} cannot be fetched from {self.url}: {_reason(error)}\n"
                "Check the network and try again, or get the file in another way and put it into "
                f"{folder}:\nit is taken from there if its hash is right."
            ) from None
        except ValueError:  # pooch says so when the hash differs, and removes what it got
            raise MachineryError(
                f"{self.url} sends another file than the course means: its sha256 is not that of\n"
                f"{self.path}:{self.line}, and nothing was kept. Try again; if it stays so, the "
                "file has changed\nand whoever teaches the course must look at it before the "
                "registry gets its new hash."
            ) from None
        return Path(fetched)

    def as_json(self) -> dict[str, Any]:
        """The entry, and the path of its file if the cache has it."""
        return {
            "name": self.name,
            "assignment": self.assignment,
            "description": self.description,
            "url": self.url,
            "sha256": self.sha256,
            "path": str(cache_folder() / self.name) if self.is_fetched() else None,
        }


def cache_folder() -> Path:
    """Where fetched files lie: ``$DELTARULE_DATA``, else the user's cache as the system has it."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("deltarule"))


def known_data_sets(course: Course) -> list[DataSet]:
    """The data sets of all registries of a course, by name.

    Raises:
        AuthoringError: a registry has mistakes, or two mean different files by one name.
    """
    problems: list[Problem] = []
    known: dict[str, DataSet] = {}
    for path in sorted(course.source.glob(REGISTRY)):
        for entry in _entries(path, course, problems):
            first = known.setdefault(entry.name, entry)
            if first.sha256 != entry.sha256:
                message = (
                    f"'{entry.name}' is another file in {first.path}:{first.line}; "
                    "the cache keeps one file of a name, so give one of them another"
                )
                problems.append(Problem(entry.path, entry.line, message))
    if problems:
        raise AuthoringError(problems)
    return sorted(known.values(), key=lambda entry: entry.name)


def find_data_set(course: Course, name: str) -> DataSet:
    """The data set that is called ``name``, with or without its suffix.

    Raises:
        UsageError: there is none, or several that the short name could mean.
        AuthoringError: a registry has mistakes.
    """
    known = known_data_sets(course)
    exact = [entry for entry in known if entry.name == name]
    found = exact or [entry for entry in known if name in (entry.stem, Path(entry.name).stem)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(entry.name for entry in found)
        raise UsageError(f"'{name}' could be any of {names}: say which")
    names = ", ".join(entry.name for entry in known) or "none yet"
    raise UsageError(
        f"the course knows no data set '{name}' (known: {names}); "
        "they are listed in source/<assignment>/data/registry.txt"
    )


def _entries(path: Path, course: Course, problems: list[Problem]) -> Iterator[DataSet]:
    """The entries of one registry; mistakes go to ``problems``."""
    shown = path.relative_to(course.root)
    try:
        rows = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(Problem(shown, 0, f"cannot be read as UTF-8 text: {error}"))
        return
    comment: list[str] = []
    for number, row in enumerate(rows, 1):
        if row.startswith("#"):
            comment.append(row.lstrip("#").strip())
            continue
        if row.strip():
            read = _parse(row)
            if isinstance(read, str):
                problems.append(Problem(shown, number, read, row))
            else:
                description = " ".join(comment).strip()
                assignment = path.parent.parent.name
                yield DataSet(*read, description, assignment, shown, number)
        comment = []


def _parse(row: str) -> tuple[str, str, str] | str:
    """Name, hash and address of one row, or what is wrong with it."""
    try:
        words = shlex.split(row)
    except ValueError as error:
        return f"{error}; {ENTRY}"
    if len(words) != 3:
        return f"{len(words)} words where name, hash and address are wanted; {ENTRY}"
    name, known_hash, url = words
    digits = SHA256.fullmatch(known_hash)
    if name != PurePosixPath(name).name or "\\" in name or name.startswith("."):
        return f"'{name}' is not a plain file name; {ENTRY}"
    if digits is None:
        return f"'{known_hash}' is not a sha256 hash; {ENTRY}"
    if not url.startswith(("https://", "http://")):
        return f"'{url}' is not an address on the web; {ENTRY}"
    return name, digits[1].lower(), url


def _cache_trouble(folder: Path, error: OSError | str) -> MachineryError:
    reason = error if isinstance(error, str) else error.strerror
    return MachineryError(
        f"the cache {folder} cannot be used: {reason}; name another folder in {CACHE_VARIABLE}"
    )


def _reason(error: OSError) -> str:
    """The innermost cause in few words: what requests and urllib3 wrap around it helps nobody."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):
            error = cause
        cause = cause.__cause__ or cause.__context__
    return error.strerror or str(error) or type(error).__name__
