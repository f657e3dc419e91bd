"""The errors, and how foreign text stands in them. None of them can hold a value."""

from __future__ import annotations

import re

from ._bundle import Bundle

SHOWN_CHARACTERS = 128
PASTABLE_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,127}")
PASTABLE_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
START = (
    "start it with: unspoken run --fd -- <program> "
    "(without --fd, run and dev set variables, which are not read here)"
)


class UnspokenError(Exception):
    """Everything that this library raises."""


class DescriptorError(UnspokenError):
    """A variable lists descriptors, and nothing of ours can be had from them.

    It is raised on every access, also the optional one: a program that was started with
    secrets must not go on as if there were none.
    """


class MissingSecretError(UnspokenError, KeyError, AttributeError):
    """There is no secret of that name.

    It is a `KeyError` and an `AttributeError`, because a bag is asked in both ways.
    """

    def __str__(self) -> str:
        # `KeyError` would print the message as a literal, with quotes around it.
        return str(self.args[0])


class OutsideError(MissingSecretError):
    """The program was not started by Unspoken, so there are no secrets at all."""


def shown(text: str) -> str:
    """Foreign text as it may stand within a line on a terminal, and not too much of it."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii")
        for c in text[:SHOWN_CHARACTERS]
    )


def missing(name: str, bundle: Bundle) -> MissingSecretError:
    """The error that asking for an absent name raises."""
    if bundle.outside:
        return OutsideError(
            f"there is no secret `{shown(name)}`: this program was handed none; {START}"
        )
    place = "/".join(shown(part) for part in (bundle.project, bundle.environment) if part)
    parts = [f"there is no secret `{shown(name)}`" + (f" in `{place}`" if place else "")]
    if nearest := _nearest(name, bundle):
        parts.append(f"did you mean `{shown(nearest)}`?")
    # What may be pasted into a shell holds nothing that a shell would obey.
    if PASTABLE_NAME.fullmatch(name):
        known = PASTABLE_ENVIRONMENT.fullmatch(bundle.environment)
        at = f" -e {bundle.environment}" if known else ""
        parts.append(f"add it with: unspoken set {name}{at}")
    return MissingSecretError("; ".join(parts))


def _nearest(name: str, bundle: Bundle) -> str | None:
    import difflib  # Only here: a program that finds its secrets does not pay for it.

    names = {known.upper(): known for known in bundle.secrets}
    found = difflib.get_close_matches(name[:SHOWN_CHARACTERS].upper(), names, n=1)
    return names[found[0]] if found else None
