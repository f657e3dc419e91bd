"""Descriptors that a variable lists: which one is ours, reading it, and closing it."""

from __future__ import annotations

import os
import re
import stat

from ._bundle import MAX_BYTES
from ._error import DescriptorError

CHUNK = 1024 * 1024
LIST = re.compile(r"[0-9]{1,9}(,[0-9]{1,9}){0,31}")
MEMORY_FILE = "/memfd:unspoken"


def listed(variable: str) -> list[int] | None:
    """The numbers that an environment variable lists, or nothing where it is not set."""
    text = os.environ.get(variable)
    if text is None:
        return None
    numbers = [int(number) for number in text.split(",")] if LIST.fullmatch(text) else [0]
    if min(numbers) < 3:
        raise DescriptorError(f"`{variable}` is not a list of descriptors from 3 on, as in `3,20`")
    return numbers


def is_pipe(number: int) -> bool:
    """Whether the descriptor is open and a FIFO."""
    try:
        return stat.S_ISFIFO(os.fstat(number).st_mode)
    except OSError:
        return False


def is_memory_file(number: int) -> bool:
    """Whether the descriptor is a memory file that Unspoken made."""
    try:
        return os.readlink(f"/proc/self/fd/{number}").startswith(MEMORY_FILE)
    except OSError:
        return False


def read(number: int) -> bytes:
    """Reads to the end of file, or a little past what a bundle may hold."""
    pipe = is_pipe(number)
    if pipe:
        # A launcher may have left the pipe in a state in which reading does not wait.
        os.set_blocking(number, True)
    chunks: list[bytes] = []
    size = 0
    while size <= MAX_BYTES:
        # Others move the offset of a memory file, so it is not used.
        chunk = os.read(number, CHUNK) if pipe else os.pread(number, CHUNK, size)
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)


def close_all(number: int, numbers: list[int]) -> None:
    """Closes `number`, and those of `numbers` that are the same file."""
    chosen = os.fstat(number)
    for other in {number, *numbers}:
        try:
            if os.path.samestat(os.fstat(other), chosen):
                os.close(other)
        except OSError:
            continue
