"""Descriptors that a variable lists: which of them are ours, reading, and closing.

A number alone proves nothing: where a launcher closed ours, the program's next pipe has it. So
one counts only if another program left it to this one (Python's own pass to no child), if it can
do nothing but what it is for, and if this process does not hold the pipe's other end as well.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from typing import NamedTuple

from ._bundle import MAX_BYTES
from ._error import DescriptorError

CHUNK = 1024 * 1024
LIST = re.compile(r"[0-9]{1,9}(,[0-9]{1,9}){0,31}")
MEMORY_FILE = "/memfd:unspoken"
ACCESS_MODE = 3
# By number: the names are absent outside of Linux.
GET_SEALS, SEAL_WRITE = 1034, 8
# Where the system does not list what is open, the low numbers are looked at.
LOW_NUMBERS = range(256)

File = tuple[int, int]


class Held(NamedTuple):
    """A descriptor that is ours, and the file that it was when it was claimed."""

    number: int
    file: File
    memory: bool


class Claim:
    """What a variable lists, looked up once, as early as possible.

    A pipe that is ours is marked so that no child gets it. A memory file is there to be read by
    several, and stays until it is read.
    """

    def __init__(self, variable: str, access: int) -> None:
        text = os.environ.get(variable)
        self.listed = text is not None
        self._variable = variable
        self._numbers: list[int] | None = [] if text is None else _numbers(text)
        self._held = list(_ours(self._numbers or [], access))
        for held in self._held:
            if not held.memory:
                os.set_inheritable(held.number, False)

    def first(self) -> Held | None:
        """The first that is ours and still what it was; an error where there is no list."""
        if self._numbers is None:
            raise DescriptorError(
                f"`{self._variable}` is not a list of descriptors from 3 on, as in `3,20`"
            )
        return next((held for held in self._held if _file(held.number) == held.file), None)

    def close(self, used: Held) -> None:
        """Closes everything in the list that is the same file."""
        for number in self._numbers or []:
            if _file(number) == used.file:
                os.close(number)


def read(held: Held) -> bytes:
    """Reads to the end of file, or a little past what a bundle may hold."""
    if not held.memory:
        # A launcher may have left the pipe in a state in which reading does not wait.
        os.set_blocking(held.number, True)
    chunks: list[bytes] = []
    size = 0
    while size <= MAX_BYTES:
        count = min(CHUNK, MAX_BYTES + 1 - size)
        # Others move the offset of a memory file, so it is not used.
        chunk = os.pread(held.number, count, size) if held.memory else os.read(held.number, count)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def _numbers(text: str) -> list[int] | None:
    numbers = [int(number) for number in text.split(",")] if LIST.fullmatch(text) else [0]
    return list(dict.fromkeys(numbers)) if min(numbers) >= 3 else None


def _ours(numbers: list[int], access: int) -> Iterable[Held]:
    pipes: dict[int, File] = {}
    memory: dict[int, File] = {}
    for number in numbers:
        file = _file(number)
        if file is None or not _is_inherited(number, access):
            continue
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            pipes[number] = file
        elif access == os.O_RDONLY and _is_memory_file(number):
            memory[number] = file
    own = {file for file in pipes.values() if _is_own(file, list(pipes.values()), access)}
    for number in numbers:
        if number in memory:
            yield Held(number, memory[number], memory=True)
        elif number in pipes and pipes[number] not in own:
            yield Held(number, pipes[number], memory=False)


def _file(number: int) -> File | None:
    """Which file the number stands for, if it is open."""
    try:
        found = os.fstat(number)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_inherited(number: int, access: int) -> bool:
    """Whether it passes to children, as what came from a parent does, and goes this way only."""
    try:
        return os.get_inheritable(number) and (_is_memory_file(number) or _access(number) == access)
    except (OSError, ImportError):  # On Windows nothing is inherited by its number.
        return False


def _access(number: int) -> int:
    import fcntl  # Only here: a program outside of Unspoken does not pay for it.

    return fcntl.fcntl(number, fcntl.F_GETFL) & ACCESS_MODE


def _is_own(file: File, pipes: list[File], access: int) -> bool:
    """Whether this process holds the pipe's other end, so that nobody sent it.

    A pipe on two numbers of the list was put there, and is not searched for.
    """
    return pipes.count(file) < 2 and any(
        _file(number) == file and _access_or(number, access) != access
        for number in _open_numbers()
    )


def _access_or(number: int, absent: int) -> int:
    try:
        return _access(number)
    except OSError:  # Closed by another thread meanwhile.
        return absent


def _open_numbers() -> Iterable[int]:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return [int(name) for name in os.listdir(folder)]
        except (OSError, ValueError):
            continue
    return LOW_NUMBERS


def _is_memory_file(number: int) -> bool:
    """Whether the descriptor is a memory file that Unspoken made: nobody can write to those."""
    try:
        if not os.readlink(f"/proc/self/fd/{number}").startswith(MEMORY_FILE):
            return False
        import fcntl

        return fcntl.fcntl(number, GET_SEALS) & SEAL_WRITE != 0
    except OSError:
        return False
