"""A value that must not be seen, and the one door to it."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable
from typing import NoReturn, SupportsIndex, final

REDACTED = "[REDACTED]"
_HASH_KEY = os.urandom(32)


@final
class Secret:
    """A value that is `[REDACTED]` in whatever it is printed, logged or serialised by.

    `expose()` is the only way to the plain text, and the word to search for in a review.
    There is no `len()`, no iteration and no `+`: each would work on the value unseen.
    """

    # The text stands in a closure, not in an attribute, so that what walks over
    # attributes and slots finds a function. Whoever wants to break in still can.
    __slots__ = ("__open",)
    __open: Callable[[], str]

    def __init__(self, value: str) -> None:
        """Wraps a text."""
        if not isinstance(value, str):
            kind = type(value).__name__
            del value  # A traceback that shows local variables shows this frame.
            raise TypeError(f"a secret is made of a `str`, not of `{kind}`")
        self.__open = lambda: value

    def expose(self) -> str:
        """Gives the plain text. Never log, store or format what this returns."""
        return self.__open()

    def matches(self, text: str) -> bool:
        """Whether `text` is the value, found in a time that does not tell how much of it is.

        Use this for what a client sends; `==` is only between two `Secret` objects.
        """
        return hmac.compare_digest(_encoded(self.__open()), _encoded(text))

    def __eq__(self, other: object) -> bool:
        """Compares with another `Secret` in constant time; nothing else is ever equal."""
        return self.matches(other.expose()) if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        # Keyed by this process: the number says nothing about the value elsewhere.
        digest = hashlib.blake2b(_encoded(self.__open()), key=_HASH_KEY, digest_size=8)
        return int.from_bytes(digest.digest(), "big")

    def __bool__(self) -> bool:
        """Whether the value is not empty."""
        return self.__open() != ""

    def __str__(self) -> str:
        return REDACTED

    def __repr__(self) -> str:
        return f"Secret({REDACTED})"

    def __format__(self, spec: str) -> str:
        # A width or a precision must neither fail in a log line nor cut the mark.
        return REDACTED

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("a `Secret` is not pickled: hand over its name, or call `expose()`")

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        self.__getstate__()


def _encoded(text: str) -> bytes:
    # An encoding error would carry the text with it, so there is none.
    return text.encode("utf-8", "surrogatepass")
