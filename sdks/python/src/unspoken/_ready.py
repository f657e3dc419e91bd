"""Being ready: the port, said to whoever supervises this program."""

from __future__ import annotations

import os

from ._descriptor import Claim
from ._error import DescriptorError
from ._source import process

READY_VARIABLE = "UNSPOKEN_READY_FD"

_claim: Claim | None = Claim(READY_VARIABLE, os.O_WRONLY)


def ready(port: int) -> None:
    """Says that the program now listens on `port`.

    Where nothing supervises the program (`UNSPOKEN_READY_FD` is not set), and from the second
    call on, this does nothing.
    """
    global _claim
    if type(port) is not int or not 0 < port < 65536:
        raise ValueError("a port is a number from 1 to 65535")
    with process.lock:
        if _claim is None or not _claim.listed:
            return
        held = _claim.first()
        if held is None:
            raise DescriptorError(f"none of the descriptors in `{READY_VARIABLE}` is our pipe")
        try:
            os.write(held.number, f"{port}\n".encode("ascii"))
            _claim.close(held)
        except OSError as error:
            reason = f"descriptor {held.number} of `{READY_VARIABLE}` cannot be written"
            raise DescriptorError(f"{reason}: {error.strerror}") from None
        finally:
            _claim = None
            os.environ.pop(READY_VARIABLE, None)
