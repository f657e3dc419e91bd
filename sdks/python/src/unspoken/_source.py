"""Where the bundle comes from, and that it is read once.

- What `UNSPOKEN_FD` lists is looked up when the library is imported, and read at the first use.
- A descriptor that is ours goes before the variable `UNSPOKEN_BUNDLE`.
- A bundle that cannot be read ends the process with exit code 78, from whichever thread.
- A thread that forks waits for a reading that goes on, so no child inherits half of one.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import NoReturn

from . import _descriptor
from ._bundle import OUTSIDE, Bundle, ContentError, parse
from ._descriptor import Claim, Held
from ._error import DescriptorError

FD_VARIABLE = "UNSPOKEN_FD"
BUNDLE_VARIABLE = "UNSPOKEN_BUNDLE"
EXIT_CONFIGURATION = 78


class Source:
    """The bundle of this process, read at the first use and kept."""

    def __init__(self) -> None:
        # One that the same thread may take again: a signal handler may ask as well.
        self.lock = threading.RLock()
        # Looked up before the program can open anything under a number that is listed.
        self._claim = Claim(FD_VARIABLE, os.O_RDONLY)
        self._outcome: Bundle | DescriptorError | None = None

    def peek(self) -> Bundle | DescriptorError | None:
        """What was read, without reading."""
        return self._outcome

    def current(self) -> Bundle:
        """What was read, after reading where nobody has."""
        outcome = self._outcome
        if outcome is None:
            with self.lock:
                if self._outcome is None:
                    self._outcome = _outcome(self._claim)
                outcome = self._outcome
        if isinstance(outcome, DescriptorError):
            # A new one each time: an error that is raised twice gathers tracebacks.
            raise DescriptorError(*outcome.args)
        return outcome

    def replace(
        self, outcome: Bundle | DescriptorError | None
    ) -> Bundle | DescriptorError | None:
        """Puts another outcome in place, for tests, and gives back the one before."""
        with self.lock:
            before, self._outcome = self._outcome, outcome
        return before


def _outcome(claim: Claim) -> Bundle | DescriptorError:
    try:
        content = _content(claim)
        return OUTSIDE if content is None else parse(content)
    except DescriptorError as error:
        # The list stays: a child must find that something is wrong as well.
        os.environ.pop(BUNDLE_VARIABLE, None)
        return DescriptorError(*error.args)
    except ContentError as error:
        _stop(str(error))


def _content(claim: Claim) -> bytes | None:
    held = claim.first()
    if held is not None:
        return _content_of(held, claim)
    text = os.environ.get(BUNDLE_VARIABLE)
    if text is not None:
        _forget_variables()
        return os.fsencode(text)
    if not claim.listed:
        return None
    raise DescriptorError(
        f"the descriptors that `{FD_VARIABLE}` lists are not the bundle: something between "
        "`unspoken run` and this program closed them; let `unspoken run` start the program "
        "itself, choose a descriptor with `--fd=N`, or ask `unspoken doctor`"
    )


def _content_of(held: Held, claim: Claim) -> bytes:
    try:
        content = _descriptor.read(held)
        claim.close(held)
    except OSError as error:
        reason = f"descriptor {held.number} of `{FD_VARIABLE}` cannot be read: {error.strerror}"
        raise DescriptorError(reason) from None
    _forget_variables()
    if not content:
        raise ContentError("the bundle was already read by another process")
    return content


def _forget_variables() -> None:
    for variable in (FD_VARIABLE, BUNDLE_VARIABLE):
        os.environ.pop(variable, None)


def _stop(reason: str) -> NoReturn:
    """Ends the process, because a program must not run with half of its secrets."""
    with contextlib.suppress(Exception):
        sys.stderr.flush()
    with contextlib.suppress(OSError):
        os.write(2, f"unspoken: {reason}\n".encode("utf-8", "backslashreplace"))
    os._exit(EXIT_CONFIGURATION)


process = Source()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=process.lock.acquire,
        after_in_parent=process.lock.release,
        after_in_child=process.lock.release,
    )
