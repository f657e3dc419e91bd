"""Starting a real program with a real bundle, as `unspoken run --fd` does."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import secrets as randomness
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping

ROOT = pathlib.Path(__file__).resolve().parent.parent
LIMIT_SECONDS = 60


def canary(tag: str) -> str:
    """A value that occurs nowhere else."""
    return f"canary-{tag}-{randomness.token_hex(16)}"


def content(secrets: Mapping[str, str], **more: object) -> bytes:
    """The bundle's bytes."""
    return json.dumps(
        {"version": 1, "project": "acme-web", "environment": "production", "secrets": secrets, **more}
    ).encode()


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that a program is started with: few, and none of ours."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    return {name: os.environ[name] for name in kept if name in os.environ} | dict(more or {})


@contextlib.contextmanager
def started(
    arguments: list[str],
    bundle: bytes | None,
    *,
    folder: pathlib.Path = ROOT,
    variables: Mapping[str, str] | None = None,
    ready: int | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """A Python program with the bundle in a pipe on whichever number; ended with the block.

    `ready` is the write end of a pipe for the port; it is closed here.
    """
    given = dict(variables or {})
    passed: list[int] = []
    if ready is not None:
        passed.append(ready)
        given["UNSPOKEN_READY_FD"] = str(ready)
    if bundle is not None:
        read, write = os.pipe()
        writer = threading.Thread(target=_fill, args=(write, bundle), daemon=True)
        writer.start()
        passed.append(read)
        given.setdefault("UNSPOKEN_FD", str(read))
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(given),
        pass_fds=passed,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for number in passed:
        os.close(number)
    with process:
        try:
            yield process
        finally:
            process.kill()


def ran(
    program: str, bundle: bytes | None, *arguments: str, variables: Mapping[str, str] | None = None
) -> tuple[int, str, str]:
    """The exit code, output and errors of a program given as text."""
    with started(["-c", program, *arguments], bundle, variables=variables) as process:
        output, errors = process.communicate(timeout=LIMIT_SECONDS)
        return process.returncode, output, errors


def _fill(write: int, content: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(write, "wb") as pipe:
        pipe.write(content)
