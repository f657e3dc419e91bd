"""Being ready: the port, said to whoever supervises this program."""

from __future__ import annotations

import os

from . import _descriptor
from ._error import DescriptorError
from ._source import process

READY_VARIABLE = "UNSPOKEN_READY_FD"


def ready(port: int) -> None:
    """Says that the program now listens on `port`.

    Where nothing supervises the program (`UNSPOKEN_READY_FD` is not set), and from the second
    call on, this does nothing.
    """
    if type(port) is not int or not 0 < port < 65536:
        raise ValueError("a port is a number from 1 to 65535")
    with process.lock:
        numbers = _descriptor.listed(READY_VARIABLE)
        if numbers is None:
            return
        number = next(filter(_descriptor.is_pipe, numbers), None)
        if number is None:
            raise DescriptorError(f"none of the descriptors in `{READY_VARIABLE}` is a pipe")
        try:
            os.write(number, f"{port}\n".encode("ascii"))
            _descriptor.close_all(number, numbers)
        except OSError as error:
            reason = f"descriptor {number} of `{READY_VARIABLE}` cannot be written"
            raise DescriptorError(f"{reason}: {error.strerror}") from None
        finally:
            os.environ.pop(READY_VARIABLE, None)
