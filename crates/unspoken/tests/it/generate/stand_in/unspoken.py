"""The signatures of the library for Python, as far as generated modules need them."""


class Secret:
    def expose(self) -> str:
        return ""


class Secrets:
    def __getattr__(self, name: str) -> Secret:
        return Secret()


secrets = Secrets()


def get(name: str) -> Secret:
    return Secret()


def optional(name: str) -> Secret | None:
    return None
