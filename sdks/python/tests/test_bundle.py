"""Parsing: strict, and silent about the content."""

from __future__ import annotations

import json
import random
import unittest

from unspoken import _bundle
from unspoken._bundle import Bundle, ContentError, parse

from .program import canary

VALUE = canary("bundle")


def document(**keys: object) -> bytes:
    return json.dumps({"version": 1, "secrets": {"A": VALUE}} | keys).encode()


class Parse(unittest.TestCase):
    def refused(self, content: bytes, *says: str) -> None:
        with self.subTest(content[:60]), self.assertRaises(ContentError) as caught:
            parse(content)
        for text in says:
            self.assertIn(text, str(caught.exception))
        self.assertNotIn("canary", str(caught.exception))
        self.assertNotIn("canary", repr(caught.exception.__context__))

    def test_a_bundle_needs_a_version_and_secrets(self) -> None:
        bundle = parse(document())
        self.assertEqual(
            (bundle.project, bundle.environment, bundle.revision, bundle.token, bundle.outside),
            ("", "", 0, None, False),
        )
        self.assertEqual(bundle.secrets["A"].expose(), VALUE)

    def test_everything_is_taken(self) -> None:
        bundle = parse(document(project="p", environment="e", revision=7, token="t", storages={}, x=[]))
        self.assertEqual((bundle.project, bundle.environment, bundle.revision), ("p", "e", 7))
        assert bundle.token is not None
        self.assertEqual(bundle.token.expose(), "t")

    def test_what_is_parsed_prints_no_value(self) -> None:
        self.assertNotIn("canary", repr(parse(document(token=VALUE))))

    def test_a_newer_version_is_named_whatever_else_it_holds(self) -> None:
        self.refused(b'{"version":2,"secrets":"canary"}', "2", "1", "update the library")

    def test_a_wrong_shape_is_refused(self) -> None:
        for key, value in (
            ("version", True),
            ("version", 1.0),
            ("version", "1"),
            ("version", 0),
            ("version", -1),
            ("version", None),
            ("version", 2**63),
            ("project", None),
            ("project", ["canary"]),
            ("environment", 7),
            ("token", {}),
            ("token", False),
            ("revision", -1),
            ("revision", 1.5),
            ("revision", True),
            ("revision", "canary"),
            ("storages", []),
            ("storages", "canary"),
            ("secrets", None),
            ("secrets", "canary"),
            ("secrets", ["canary"]),
            ("secrets", {"A": None}),
            ("secrets", {"A": ["canary"]}),
            ("secrets", {"A": VALUE, "B": True}),
        ):
            self.refused(document(**{key: value}), key.removesuffix("s"))

    def test_what_is_no_json_is_refused(self) -> None:
        for content in (
            b"canary",
            b"null",
            b'"canary"',
            document() + b"canary",
            document()[:-1],
            b"\xef\xbb\xbf" + document(),
            document().decode().encode("utf-16"),
            b'{"version":1,"secrets":{},"canary":NaN}',
            b'{"version":1,"secrets":{"A":"canary\xff"}}',
            b'{"version":1,"secrets":{"A":"canary\xed\xa0\x80"}}',
            b'{"version":1,"secrets":{"A":"canary\n"}}',
            b'{"version":1,"secrets":{},"canary":' + b"[" * 200_000,
            b'{"version":1,"secrets":{},"revision":' + b"9" * 10_000 + b"}",
        ):
            self.refused(content)

    def test_half_a_surrogate_pair_is_no_text(self) -> None:
        self.refused(b'{"version":1,"secrets":{"A":"canary\\ud800"}}')
        self.refused(b'{"version":1,"token":"canary\\ud800","secrets":{}}')
        self.refused(b'{"version":1,"secrets":{"A\\udc00":"canary"}}')
        self.assertEqual(parse(b'{"version":1,"secrets":{"A":"\\ud83d\\ude00"}}').secrets["A"].expose(), "😀")

    def test_what_is_too_large_is_refused(self) -> None:
        self.refused(b" " * (_bundle.MAX_BYTES + 1), "larger")
        values = {f"canary{number}": "" for number in range(_bundle.MAX_NAMES)}
        self.assertEqual(len(parse(document(secrets=values)).secrets), _bundle.MAX_NAMES)
        self.refused(document(secrets=values | {"canary": ""}), "more than 100000")

    def test_spoilt_bundles_are_refused_or_read(self) -> None:
        chance = random.Random(4)
        whole = document(project="p", revision=3, token="t", storages={"s": {"k": [1, None]}})
        pieces = [b"{", b"}", b'"', b"\\u", b"\xff", b"1e999", b"null", b"[", b":", b","]
        refused = 0
        for _ in range(5_000):
            spoilt = bytearray(whole)
            for _ in range(chance.randint(1, 4)):
                at = chance.randrange(len(spoilt) + 1)
                spoilt[at : at + chance.randint(0, 9)] = chance.choice(pieces)
            try:
                self.assertIsInstance(parse(bytes(spoilt)), Bundle)
            except ContentError as error:
                refused += 1
                self.assertNotIn("canary", str(error))
        self.assertGreater(refused, 1_000)
