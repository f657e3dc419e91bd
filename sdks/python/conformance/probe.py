"""The probe of the Python library. `conformance/README.md` says what it prints."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import io
import json
import logging
import os
import pickle
import pprint
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable

import unspoken
from unspoken import Secret, Secrets, secrets

NO_SUCH = "NO_SUCH_SECRET"


@dataclasses.dataclass
class Config:
    """An application's configuration, as programs log it."""

    one: Secret | None
    secrets: Secrets
    values: dict[str, Secret]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def digests() -> dict[str, dict[str, object]]:
    plain = {name: secrets[name].expose() for name in secrets.names()}
    return {
        name: {"bytes": len(value.encode()), "sha256": sha(value)} for name, value in plain.items()
    }


def missing() -> str:
    try:
        unspoken.get(NO_SUCH)
    except unspoken.MissingSecretError as error:
        return str(error)
    return ""


def attempt(way: Callable[[object], str], thing: object) -> str:
    try:
        return way(thing)
    except Exception as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def logged(thing: object) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s %(extra)s"))
    log = logging.Logger("probe")
    log.addHandler(handler)
    try:
        raise RuntimeError(thing)
    except RuntimeError:
        log.exception("%s %r", thing, thing, extra={"extra": thing})
    return stream.getvalue()


def walked(thing: object) -> str:
    names = [name for name in dir(thing) if not callable(getattr(type(thing), name, None))]
    return repr([(name, getattr(thing, name)) for name in names])


WAYS: list[Callable[[object], str]] = [
    str,
    repr,
    ascii,
    logged,
    walked,
    pprint.pformat,
    json.dumps,
    lambda thing: f"{thing} {thing!r} {thing:>40} {thing:.3}",
    lambda thing: "%s %r %a" % (thing, thing, thing),
    lambda thing: "%d" % thing,  # type: ignore[str-format]
    lambda thing: json.dumps(thing, default=str),
    lambda thing: json.dumps({"thing": thing}, default=vars),
    lambda thing: repr(pickle.dumps(thing)),
    lambda thing: repr(thing.__reduce_ex__(2)),
    lambda thing: repr(copy.deepcopy(thing)),
    lambda thing: repr(copy.copy(thing)),
    lambda thing: repr(vars(thing)),
    lambda thing: repr(dataclasses.asdict(thing)),  # type: ignore[call-overload]
    lambda thing: repr(dataclasses.astuple(thing)),  # type: ignore[call-overload]
    lambda thing: repr(list(thing)),  # type: ignore[call-overload]
    lambda thing: repr(bytes(thing)),  # type: ignore[call-overload]
    lambda thing: str(hash(thing)),
]


def report(child: str) -> dict[str, object]:
    unspoken.load()
    first = digests()
    token = secrets.token
    one = secrets[secrets.names()[0]] if secrets.names() else None
    values = {name: secrets[name] for name in secrets.names()}
    config = Config(one, secrets, values)
    # Every value in the plainest ways, the first in all of them: a large set is still printed soon.
    printed = [attempt(way, thing) for way in WAYS for thing in (secrets, one, token, config)]
    printed += [way(value) for way in (str, repr) for value in values.values()]
    return {
        "outside": secrets.outside,
        "project": secrets.project,
        "environment": secrets.environment,
        "revision": secrets.revision,
        "token": sha(token.expose()) if token else "",
        "secrets": first,
        "missing": missing(),
        "optional": unspoken.optional(NO_SUCH) is None,
        "again": digests() == first,
        "printed": printed,
        "variables": [name for name in os.environ if name.startswith("UNSPOKEN_")],
        # As open as it goes: what is inheritable is inherited.
        "child": subprocess.run(
            [child], close_fds=False, capture_output=True, text=True, check=True
        ).stdout.splitlines(),
    }


def threads() -> dict[str, object]:
    barrier = threading.Barrier(64)
    answers: list[str] = []

    def ask() -> None:
        barrier.wait()
        answers.append(json.dumps(digests(), sort_keys=True))

    asking = [threading.Thread(target=ask) for _ in range(64)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    return {"threads": len(answers), "distinct": len(set(answers))}


def main() -> int:
    mode, child = sys.argv[1:3]
    try:
        if mode == "ready":
            unspoken.ready(8080)
            return 0
        print(json.dumps(threads() if mode == "threads" else report(child)))
    except unspoken.UnspokenError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
