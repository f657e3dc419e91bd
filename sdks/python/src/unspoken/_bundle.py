"""The bundle: bytes in, secrets or a reason out. It reads no descriptor and no variable."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple, NoReturn, TypeVar

from ._secret import Secret

VERSION = 1
MAX_BYTES = 64 * 1024 * 1024
MAX_NAMES = 100_000
MAX_VERSION = 2**63 - 1

T = TypeVar("T")


class Bundle(NamedTuple):
    """What a process was given: the secrets, and where they come from."""

    project: str
    environment: str
    revision: int
    token: Secret | None
    secrets: Mapping[str, Secret]
    outside: bool = False


OUTSIDE = Bundle("", "", 0, None, {}, outside=True)


class ContentError(Exception):
    """Why a content is no bundle. The message holds no part of it."""


def parse(content: bytes) -> Bundle:
    """Reads a bundle, or says what is wrong with it."""
    if len(content) > MAX_BYTES:
        raise ContentError(f"the bundle is larger than {MAX_BYTES} bytes")
    document = _decoded(content)
    del content
    if not isinstance(document, dict):
        raise ContentError("the bundle is not a JSON object in UTF-8")
    version = document.get("version")
    if type(version) is not int or not VERSION <= version <= MAX_VERSION:
        raise ContentError(f"the bundle's `version` is not {VERSION}")
    if version > VERSION:
        raise ContentError(
            f"the bundle has version {version}, this library reads {VERSION}: update the library"
        )
    _taken(document, "storages", dict, {})
    token = _taken(document, "token", str, "")
    revision = _taken(document, "revision", int, 0)
    if revision < 0:
        raise ContentError("the bundle's `revision` is negative")
    return Bundle(
        _taken(document, "project", str, ""),
        _taken(document, "environment", str, ""),
        revision,
        Secret(token) if token else None,
        {name: Secret(value) for name, value in _secrets(document).items()},
    )


def _decoded(content: bytes) -> object:
    """The JSON value, or nothing: the errors of the standard library carry the document."""
    try:
        document: object = json.loads(content.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return document


def _refuse(_constant: str) -> NoReturn:
    raise ValueError("JSON has no such number")


def _secrets(document: Mapping[str, object]) -> dict[str, str]:
    secrets = document.get("secrets")
    if not isinstance(secrets, dict):
        raise ContentError("the bundle's `secrets` is not an object")
    if len(secrets) > MAX_NAMES:
        raise ContentError(f"the bundle holds more than {MAX_NAMES} secrets")
    if not all(_is_text(name) and _is_text(value) for name, value in secrets.items()):
        raise ContentError("the bundle holds a secret that is not a text")
    return secrets


def _taken(document: Mapping[str, object], key: str, kind: type[T], absent: T) -> T:
    value = document.get(key, absent)
    fits = isinstance(value, kind) and not isinstance(value, bool)
    if not fits or not (kind is not str or _is_text(value)):
        raise ContentError(f"the bundle's `{key}` has the wrong type")
    return value  # type: ignore[return-value]  # `fits` says it.


def _is_text(value: object) -> bool:
    """Whether it is a text that UTF-8 can hold: half of a surrogate pair is none."""
    try:
        return isinstance(value, str) and value.encode("utf-8") is not None
    except UnicodeEncodeError:
        return False
