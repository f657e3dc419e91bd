"""The bag: all secrets of this process, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn, SupportsIndex, final

from ._bundle import Bundle
from ._error import missing, shown
from ._secret import Secret
from ._source import Source


@final
class Secrets:
    """The secrets that the program was started with.

    `secrets.DATABASE_URL` and `secrets["DATABASE_URL"]` are the same; the second also reaches
    a name that is a word of this class or begins with `_`. The first question reads the bundle,
    whichever thread asks it. There is no way to all values at once.
    """

    __slots__ = ("_source",)

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def project(self) -> str:
        """The project that the secrets belong to, or an empty text."""
        return self._source.current().project

    @property
    def environment(self) -> str:
        """The environment that the secrets belong to, or an empty text."""
        return self._source.current().environment

    @property
    def revision(self) -> int:
        """The revision of the environment when it was opened, or 0."""
        return self._source.current().revision

    @property
    def outside(self) -> bool:
        """Whether the program was not started by Unspoken."""
        return self._source.current().outside

    @property
    def token(self) -> Secret | None:
        """This instance's own token, by which a health probe proves itself, if there is one."""
        return self._source.current().token

    def is_probe(self, text: str | None) -> bool:
        """Whether `text`, from a request, is this instance's token; in constant time."""
        token = self.token
        return token is not None and text is not None and token.matches(text)

    def optional(self, name: str) -> Secret | None:
        """The secret of that name, or `None`."""
        return self._source.current().secrets.get(name)

    def names(self) -> tuple[str, ...]:
        """All names, in the order in which they came."""
        return tuple(self._source.current().secrets)

    def __getitem__(self, name: str) -> Secret:
        if not isinstance(name, str):
            raise TypeError("secrets are asked for by name")
        bundle = self._source.current()
        secret = bundle.secrets.get(name)
        if secret is None:
            raise missing(name, bundle)
        return secret

    def __getattr__(self, name: str) -> Secret:
        # What looks for protocols (copy, debuggers, notebooks) must not cause a reading.
        if name.startswith("_"):
            raise AttributeError(f"`Secrets` has no attribute `{shown(name)}`")
        return self[name]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name in self._source.current().secrets

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def __bool__(self) -> bool:
        """Always true, so that an empty set is not taken for no object."""
        return True

    def __dir__(self) -> list[str]:
        bundle = self._source.peek()
        names = bundle.secrets if isinstance(bundle, Bundle) else ()
        return [*object.__dir__(self), *names]

    def __repr__(self) -> str:
        bundle = self._source.peek()
        if not isinstance(bundle, Bundle):
            return "<unspoken.Secrets, not read>"
        if bundle.outside:
            return "<unspoken.Secrets, not started by Unspoken>"
        place = shown(f"{bundle.project}/{bundle.environment}")
        names = ", ".join(f"{shown(name)}=[REDACTED]" for name in bundle.secrets)
        return f"<unspoken.Secrets {place}: {names}>"

    def __copy__(self) -> Secrets:
        return self

    def __deepcopy__(self, memo: object) -> Secrets:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("`Secrets` are not pickled: they belong to one process")

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        self.__getstate__()
