"""The bag: access, errors that help, and what it does not tell."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import pprint
import unittest

import unspoken
from unspoken import MissingSecretError, OutsideError, Secrets
from unspoken._bundle import OUTSIDE
from unspoken._source import Source
from unspoken.testing import given

from .program import canary
from .refusal import refusal

VALUE = canary("bag")
VALUES = {"DATABASE_URL": VALUE, "STRIPE_KEY": VALUE, "names": VALUE, "__proto__": VALUE}


@dataclasses.dataclass
class Holder:
    """An object that holds the bag."""

    secrets: Secrets


class Access(unittest.TestCase):
    def setUp(self) -> None:
        self.bag = self.entered(VALUES)

    def entered(self, values: dict[str, str]) -> Secrets:
        context = given(values, project="acme-web", environment="production", revision=7, token="t")
        bag = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return bag

    def test_all_ways_give_the_same_object(self) -> None:
        secret = unspoken.get("DATABASE_URL")
        self.assertEqual(secret.expose(), VALUE)
        self.assertIs(self.bag.DATABASE_URL, secret)
        self.assertIs(unspoken.secrets["DATABASE_URL"], secret)
        self.assertIs(unspoken.optional("DATABASE_URL"), secret)
        self.assertIs(unspoken.load().optional("DATABASE_URL"), secret)

    def test_words_of_the_class_are_reached_as_items(self) -> None:
        self.assertEqual(self.bag["names"].expose(), VALUE)
        self.assertEqual(self.bag["__proto__"].expose(), VALUE)
        self.assertFalse(hasattr(self.bag, "__proto__"))

    def test_names_are_listed(self) -> None:
        self.assertEqual(unspoken.names(), tuple(VALUES))
        self.assertEqual((list(self.bag), len(self.bag), bool(self.bag)), (list(VALUES), 4, True))
        self.assertIn("STRIPE_KEY", self.bag)
        self.assertNotIn("OTHER", self.bag)
        self.assertFalse(1 in self.bag)
        self.assertIn("STRIPE_KEY", dir(self.bag))

    def test_where_it_comes_from(self) -> None:
        bag = self.bag
        self.assertEqual((bag.project, bag.environment, bag.revision), ("acme-web", "production", 7))
        self.assertFalse(bag.outside)

    def test_a_probe_proves_itself_by_the_token(self) -> None:
        self.assertEqual([self.bag.is_probe(text) for text in ("t", "T", "", None)], [True] + [False] * 3)
        with given({}, token=""):
            self.assertIsNone(self.bag.token)
            self.assertFalse(self.bag.is_probe(""))

    def test_what_is_absent_is_named_with_its_nearest_and_a_command(self) -> None:
        with self.assertRaises(MissingSecretError) as caught:
            self.bag.DATBASE_URL
        self.assertEqual(
            str(caught.exception),
            "there is no secret `DATBASE_URL` in `acme-web/production`; did you mean `DATABASE_URL`?; "
            "add it with: unspoken set DATBASE_URL -e production",
        )
        self.assertIsNone(unspoken.optional("DATBASE_URL"))
        self.assertFalse(hasattr(self.bag, "DATBASE_URL"))
        with self.assertRaises(KeyError):
            self.bag["DATBASE_URL"]

    def test_a_command_to_paste_holds_nothing_that_a_shell_obeys(self) -> None:
        for name in ("$(id)", "A;id", "A\nB", "lower", "A" * 500, ""):
            with self.assertRaises(MissingSecretError) as caught:
                self.bag[name]
            self.assertNotIn("unspoken set", str(caught.exception))
            self.assertLess(len(str(caught.exception)), 250)
            self.assertTrue(str(caught.exception).isprintable())
        with given({}, environment="a; id"), self.assertRaises(MissingSecretError) as caught:
            self.bag.NAME
        self.assertTrue(str(caught.exception).endswith("unspoken set NAME"))

    def test_a_number_is_no_name(self) -> None:
        with self.assertRaises(TypeError):
            self.bag[0]  # type: ignore[index]

    def test_nothing_prints_a_value(self) -> None:
        holder = Holder(self.bag)
        for text in (
            repr(self.bag),
            str(self.bag),
            f"{self.bag} {self.bag!r}",
            pprint.pformat(holder),
            repr(dataclasses.asdict(holder)),
            repr(copy.deepcopy(holder)),
            json.dumps(holder, default=repr),
            repr({name: self.bag[name] for name in self.bag}),
        ):
            self.assertNotIn(VALUE, text)
            self.assertIn("DATABASE_URL", text)
            self.assertIn("[REDACTED]", text)

    def test_what_would_walk_it_is_refused(self) -> None:
        def setting() -> None:
            self.bag.DATABASE_URL = "x"  # type: ignore[attr-defined]

        for refusing in (
            lambda: pickle.dumps(self.bag),
            lambda: json.dumps(self.bag),
            lambda: vars(self.bag),
            lambda: self.bag.__reduce_ex__(2),
            lambda: self.bag.values(),  # type: ignore[operator]
            lambda: self.bag.items(),  # type: ignore[operator]
            setting,
        ):
            self.assertNotIn(VALUE, refusal(refusing))


class Outside(unittest.TestCase):
    def test_asking_says_how_to_start_and_optional_gives_nothing(self) -> None:
        source = Source()
        source.replace(OUTSIDE)
        bag = Secrets(source)
        with self.assertRaises(OutsideError) as caught:
            bag.DATABASE_URL
        self.assertIn("was handed none", str(caught.exception))
        self.assertIn("start it with: unspoken run --fd -- <program>", str(caught.exception))
        self.assertIsNone(bag.optional("DATABASE_URL"))
        self.assertEqual((bag.names(), bag.outside, bag.token, len(bag)), ((), True, None, 0))
        self.assertIn("not started by Unspoken", repr(bag))

    def test_looking_at_it_reads_nothing(self) -> None:
        source = Source()
        bag = Secrets(source)
        self.assertIn("not read", repr(bag))
        dir(bag)
        hasattr(bag, "_repr_html_")
        copy.deepcopy(bag)
        self.assertIsNone(source.peek())


class Given(unittest.TestCase):
    def test_what_was_before_is_there_again(self) -> None:
        with given({"A": "outer"}):
            with self.assertRaises(ZeroDivisionError), given({"B": "inner"}):
                self.assertEqual(unspoken.names(), ("B",))
                raise ZeroDivisionError
            self.assertEqual(unspoken.get("A").expose(), "outer")

    @given({"A": "decorated"})
    def test_it_is_a_decorator(self) -> None:
        self.assertEqual(unspoken.get("A").expose(), "decorated")
