"""Secrets that `unspoken run --fd` hands to this program.

    from unspoken import secrets

    connect(secrets.DATABASE_URL.expose())

A value is a `Secret`: whatever prints, logs or serialises it shows `[REDACTED]`, and `expose()`
is the one way to its text. Nothing is read from ordinary environment variables, and nothing is
left in the environment for the programs that this one starts.
"""

from __future__ import annotations

from ._error import DescriptorError, MissingSecretError, OutsideError, UnspokenError
from ._ready import ready
from ._secret import Secret
from ._secrets import Secrets
from ._source import process as _process

__all__ = [
    "DescriptorError",
    "MissingSecretError",
    "OutsideError",
    "Secret",
    "Secrets",
    "UnspokenError",
    "get",
    "load",
    "names",
    "optional",
    "ready",
    "secrets",
]

secrets = Secrets(_process)
"""All secrets of this process."""


def get(name: str) -> Secret:
    """The secret of that name; `MissingSecretError` where there is none."""
    return secrets[name]


def optional(name: str) -> Secret | None:
    """The secret of that name, or `None`; also `None` where Unspoken did not start the program."""
    return secrets.optional(name)


def names() -> tuple[str, ...]:
    """The names of all secrets."""
    return secrets.names()


def load() -> Secrets:
    """Reads the bundle now, where nobody has, and gives the secrets.

    Call it before the program forks workers: a pipe can be read by one process only.
    """
    _process.current()
    return secrets
