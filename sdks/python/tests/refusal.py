"""What an error shows to whoever prints it with local variables, as error trackers do."""

from __future__ import annotations

import traceback
from collections.abc import Callable


def refusal(call: Callable[[], object]) -> str:
    """The whole traceback of what `call` raises, with the local variables of every frame.

    `assertRaises` is of no use here: it clears the frames before anybody can look at them.
    """
    try:
        call()
    except (TypeError, AttributeError, ValueError) as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(shown.format())
    raise AssertionError("it was not refused")
