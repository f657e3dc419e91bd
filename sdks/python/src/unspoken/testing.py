"""Secrets for a test suite: given by a call, and never by what the environment happens to hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ._bundle import Bundle
from ._secret import Secret
from ._secrets import Secrets
from ._source import process


@contextmanager
def given(
    values: Mapping[str, str],
    *,
    project: str = "test",
    environment: str = "test",
    revision: int = 0,
    token: str = "",
) -> Iterator[Secrets]:
    """Lets the whole process have exactly these secrets, as a `with` block or a decorator.

    Whatever the process had before is there again afterwards. Nothing is read, so tests run the
    same with Unspoken and without. The secrets are those of the process, not of a thread: tests
    that run at the same time in one process share them.
    """
    secrets = {name: Secret(value) for name, value in values.items()}
    held = Secret(token) if token else None
    before = process.replace(Bundle(project, environment, revision, held, secrets))
    try:
        yield Secrets(process)
    finally:
        process.replace(before)
