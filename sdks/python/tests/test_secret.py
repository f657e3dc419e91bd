"""Redaction: every way out that Python has, tried."""

from __future__ import annotations

import copy
import dataclasses
import gc
import inspect
import io
import json
import logging
import marshal
import pickle
import pprint
import shelve
import string
import tempfile
import traceback
import unittest
from collections.abc import Callable
from typing import Any

from unspoken import Secret

from .program import canary
from .refusal import refusal

VALUE = canary("secret")
SECRET = Secret(VALUE)


@dataclasses.dataclass
class Config:
    """What an application would log."""

    name: str
    key: Secret
    more: dict[str, list[Secret]]


CONFIG = Config("acme", SECRET, {"keys": [SECRET]})


def logged(message: str, *arguments: object, extra: dict[str, object] | None = None) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s" + (" %(key)s" if extra else "")))
    log = logging.Logger("test")
    log.addHandler(handler)
    log.error(message, *arguments, extra=extra)
    return stream.getvalue()


def logged_with_traceback() -> str:
    stream = io.StringIO()
    log = logging.Logger("test")
    log.addHandler(logging.StreamHandler(stream))
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("failed with %s", SECRET)
    return stream.getvalue()


def traceback_with_locals(call: Callable[[], object]) -> str:
    try:
        held = SECRET
        call()
        raise LookupError(held)
    except Exception as error:
        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        # `VALUE` is a global here, which no traceback shows.
        return "".join(lines)


def printed() -> str:
    stream = io.StringIO()
    print(SECRET, [SECRET], {"key": SECRET}, file=stream)
    return stream.getvalue()


PRINTING: dict[str, Callable[[], str]] = {
    "str": lambda: str(SECRET),
    "repr": lambda: repr(SECRET),
    "ascii": lambda: ascii(SECRET),
    "print": printed,
    "f-string": lambda: f"{SECRET}",
    "f-string with conversions": lambda: f"{SECRET!r} {SECRET!s} {SECRET!a} {SECRET=}",
    "f-string with a width": lambda: f"{SECRET:>60}",
    "f-string with a precision": lambda: f"{SECRET:.3}",
    "f-string with a number's format": lambda: f"{SECRET:08.2f}",
    "format": lambda: format(SECRET, "x"),
    "str.format": lambda: "{0} {0!r} {key.__class__} {key}".format(SECRET, key=SECRET),
    "format_map": lambda: "{key}".format_map({"key": SECRET}),
    "percent": lambda: "%s %r %a" % ((SECRET,) * 3),
    "percent by name": lambda: "%(key)s %(key)r" % {"key": SECRET},
    "template": lambda: string.Template("$key").substitute(key=SECRET),
    "list": lambda: str([SECRET, (SECRET,), {SECRET}, {"key": SECRET}, {SECRET: 1}]),
    "pprint": lambda: pprint.pformat({"config": CONFIG, "key": [SECRET] * 20}),
    "dataclass": lambda: repr(CONFIG),
    "asdict": lambda: repr(dataclasses.asdict(CONFIG)),
    "astuple": lambda: repr(dataclasses.astuple(CONFIG)),
    "replace": lambda: repr(dataclasses.replace(CONFIG, name="other")),
    "vars of the holder": lambda: repr(vars(CONFIG)),
    "json with default": lambda: json.dumps({"key": SECRET}, default=str),
    "json of asdict": lambda: json.dumps(dataclasses.asdict(CONFIG), default=repr),
    "copy": lambda: repr(copy.copy(SECRET)),
    "deepcopy": lambda: repr(copy.deepcopy(CONFIG)),
    "log arguments": lambda: logged("%s %r", SECRET, SECRET),
    "log message": lambda: logged(SECRET),  # type: ignore[arg-type]
    "log extra": lambda: logged("x", extra={"key": SECRET}),
    "log exception": logged_with_traceback,
    "exception": lambda: repr(ValueError(SECRET)) + str(KeyError(SECRET)),
    "traceback": lambda: traceback_with_locals(lambda: None),
    "traceback of a refusal": lambda: traceback_with_locals(lambda: pickle.dumps(SECRET)),
    "match with a wrong type": lambda: traceback_with_locals(lambda: SECRET.matches(1)),  # type: ignore[arg-type]
    "members": lambda: repr(inspect.getmembers(SECRET)) + repr(SECRET),
    "slots": lambda: repr([getattr(SECRET, "_Secret" + name) for name in Secret.__slots__]) + repr(SECRET),
    "what it refers to": lambda: repr(gc.get_referents(SECRET)) + repr(SECRET),
}

REFUSING: dict[str, Callable[[Any], object]] = {
    "json": json.dumps,
    "json key": lambda it: json.dumps({it: 1}),
    "json by vars": lambda it: json.dumps(it, default=vars),
    "pickle": pickle.dumps,
    "pickle 0": lambda it: pickle.dumps(it, 0),
    "pickle in a list": lambda it: pickle.dumps([it]),
    "reduce": lambda it: it.__reduce_ex__(2),
    "reduce without a number": lambda it: it.__reduce__(),
    "getstate": lambda it: it.__getstate__(),
    "marshal": marshal.dumps,
    "vars": vars,
    "dict": lambda it: it.__dict__,
    "%d": lambda it: "%d" % it,
    "%c": lambda it: "%c" % it,
    "%x": lambda it: "%x" % it,
    "int": int,
    "float": float,
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "%b": lambda it: b"%b" % it,
    "len": len,
    "iter": iter,
    "list": list,
    "reversed": reversed,
    "in": lambda it: "c" in it,
    "index": lambda it: it[0],
    "plus": lambda it: it + "",
    "plus before": lambda it: "" + it,
    "times": lambda it: it * 2,
    "join": lambda it: "".join([it]),
    "less": lambda it: it < it,
    "sort": lambda it: sorted([it, Secret("b")]),
    "open": open,
    "write": lambda it: io.StringIO().write(it),
    "setattr": lambda it: setattr(it, "other", 1),
}


class Redaction(unittest.TestCase):
    def test_what_prints_says_redacted(self) -> None:
        for way, printing in PRINTING.items():
            with self.subTest(way):
                text = printing()
                self.assertNotIn(VALUE, text)
                self.assertIn("[REDACTED]", text)

    def test_what_would_give_the_value_on_is_refused_without_it(self) -> None:
        for way, refusing in REFUSING.items():
            with self.subTest(way):
                self.assertNotIn(VALUE, refusal(lambda: refusing(SECRET)))

    def test_a_shelf_takes_none(self) -> None:
        with tempfile.TemporaryDirectory() as folder, shelve.open(f"{folder}/shelf") as shelf:
            with self.assertRaises(TypeError):
                shelf["key"] = SECRET

    def test_no_attribute_is_the_value(self) -> None:
        for name in dir(SECRET):
            attribute = getattr(SECRET, name, None)
            self.assertFalse(isinstance(attribute, str) and VALUE in attribute, name)

    def test_the_way_that_shows_local_variables_would_find_the_value(self) -> None:
        def careless() -> None:
            plain = SECRET.expose()
            raise ValueError(len(plain))

        self.assertIn(VALUE, refusal(careless))

    def test_a_wrong_type_is_refused_without_showing_it(self) -> None:
        encoded = [VALUE.encode()]
        shown = refusal(lambda: Secret(encoded.pop()))  # type: ignore[arg-type]
        self.assertIn("not of `bytes`", shown)
        self.assertNotIn(VALUE, shown)


class Behaviour(unittest.TestCase):
    def test_expose_gives_the_text(self) -> None:
        for text in ("", "plain", "ü😀\n\0", "x" * 1_000_000):
            self.assertEqual(Secret(text).expose(), text)

    def test_a_copy_is_the_same_object(self) -> None:
        self.assertIs(copy.copy(SECRET), SECRET)
        self.assertIs(copy.deepcopy(SECRET), SECRET)
        self.assertIs(dataclasses.asdict(CONFIG)["more"]["keys"][0], SECRET)

    def test_equality_is_among_secrets_only(self) -> None:
        self.assertEqual(Secret("a"), Secret("a"))
        self.assertNotEqual(Secret("a"), Secret("b"))
        self.assertNotEqual(Secret("a"), Secret("ab"))
        for other in ("a", b"a", None, 1):
            self.assertFalse(Secret("a") == other)

    def test_matches_compares_with_a_text(self) -> None:
        self.assertTrue(Secret("ü\ud800").matches("ü\ud800"))
        self.assertFalse(Secret("a").matches("b"))
        self.assertFalse(Secret("a").matches(""))

    def test_equal_secrets_hash_alike_and_not_as_the_text(self) -> None:
        self.assertEqual(hash(Secret("a")), hash(Secret("a")))
        self.assertNotEqual(hash(Secret("a")), hash(Secret("b")))
        self.assertNotEqual(hash(Secret("a")), hash("a"))
        self.assertEqual(len({Secret("a"), Secret("a"), Secret("b")}), 2)

    def test_only_an_empty_value_is_false(self) -> None:
        self.assertEqual((bool(Secret("")), bool(Secret("0"))), (False, True))
