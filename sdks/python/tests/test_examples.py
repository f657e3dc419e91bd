"""The examples, as real programs: they answer with a secret, and print none."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import re
import unittest
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping

from .program import LIMIT_SECONDS, ROOT, canary, content, started

EXAMPLES = ROOT / "examples"
ADDRESS = re.compile(r"http://127\.0\.0\.1:([0-9]+)/")


class Server:
    """A server that is up; what it printed is there when it has ended."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.printed = ""

    def asked(self, path: str) -> tuple[int, str]:
        """The status and the body of a request."""
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            with urllib.request.urlopen(url, timeout=LIMIT_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()


@contextlib.contextmanager
def flask(secrets: Mapping[str, str]) -> Iterator[Server]:
    """The Flask server, which says its port when it is ready."""
    read, write = os.pipe()
    folder = EXAMPLES / "flask_app"
    with started(["app.py"], content(secrets), folder=folder, ready=write) as process:
        with os.fdopen(read) as pipe:
            said = pipe.read()
        if not said:
            raise AssertionError(process.communicate(timeout=LIMIT_SECONDS)[1])
        server = Server(int(said))
        yield server
        process.terminate()
        server.printed = "".join(process.communicate(timeout=LIMIT_SECONDS))


@contextlib.contextmanager
def django(secrets: Mapping[str, str]) -> Iterator[Server]:
    """Django's development server, which prints its address."""
    arguments = ["-u", "manage.py", "runserver", "--noreload", "127.0.0.1:0"]
    folder = EXAMPLES / "django_app"
    with started(arguments, content(secrets), folder=folder) as process:
        assert process.stdout is not None
        before = ""
        while not (address := ADDRESS.search(before)):
            line = process.stdout.readline()
            if not line:
                raise AssertionError(process.communicate(timeout=LIMIT_SECONDS)[1])
            before += line
        server = Server(int(address[1]))
        yield server
        process.terminate()
        server.printed = before + "".join(process.communicate(timeout=LIMIT_SECONDS))


def mac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def signed(key: str, text: str) -> str:
    """What Django's `Signer` makes of a text: a key that nobody exposed would give another."""
    derived = hashlib.sha256(f"django.core.signing.Signersigner{key}".encode()).digest()
    signature = hmac.new(derived, text.encode(), hashlib.sha256).digest()
    return f"{text}:{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


class Flask(unittest.TestCase):
    def test_it_answers_with_a_secret_and_logs_its_configuration_without(self) -> None:
        key = canary("flask")
        with flask({"SIGNING_KEY": key}) as server:
            status, body = server.asked("/sign?text=hello")
        self.assertEqual((status, json.loads(body)), (200, {"mac": mac(key, "hello")}))
        self.assertNotIn(key, server.printed)
        self.assertEqual(server.printed.count("Secret([REDACTED])"), 3)
        self.assertIn("environment='production'", server.printed)

    def test_without_unspoken_it_says_how_to_start(self) -> None:
        with started(["app.py"], None, folder=EXAMPLES / "flask_app") as process:
            _, errors = process.communicate(timeout=LIMIT_SECONDS)
        self.assertEqual(process.returncode, 1)
        self.assertIn("unspoken run --fd -- <program>", errors)


class Django(unittest.TestCase):
    def setUp(self) -> None:
        self.key, self.stripe = canary("django"), canary("stripe")
        self.secrets = {"DJANGO_SECRET_KEY": self.key, "STRIPE_KEY": self.stripe}

    def ran(self, *arguments: str) -> str:
        folder = EXAMPLES / "django_app"
        with started(["manage.py", *arguments], content(self.secrets), folder=folder) as process:
            output, errors = process.communicate(timeout=LIMIT_SECONDS)
        self.assertEqual(process.returncode, 0, errors)
        return output + errors

    def test_it_answers_with_both_keys_and_its_debug_page_shows_neither(self) -> None:
        with django(self.secrets) as server:
            status, body = server.asked("/sign?text=hello")
            failed, page = server.asked("/fail")
        answer = json.loads(body)
        self.assertEqual((status, answer["mac"]), (200, mac(self.stripe, "hello")))
        self.assertEqual(answer["signed"], signed(self.key, "hello"))
        self.assertEqual(failed, 500)
        self.assertIn("Secret([REDACTED])", page)
        for text in (page, server.printed):
            self.assertNotIn(self.stripe, text)
            self.assertNotIn(self.key, text)

    def test_what_the_readme_says_of_django_is_so(self) -> None:
        # What is wrapped is hidden, and what is exposed is plain: this is Django's own doing.
        listed = self.ran("diffsettings")
        self.assertIn("STRIPE_KEY = Secret([REDACTED])", listed)
        self.assertTrue(f"SECRET_KEY = '{self.key}'" in listed)
        self.assertFalse(self.stripe in listed)

        program = (
            "import sys\n"
            "from django.conf import settings\n"
            "from django.test import RequestFactory\n"
            "from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter\n"
            "def fail():\n"
            "    exposed = settings.SECRET_KEY\n"
            "    wrapped = settings.STRIPE_KEY\n"
            "    raise RuntimeError\n"
            "try: fail()\n"
            "except RuntimeError: reporter = ExceptionReporter(RequestFactory().get('/'), *sys.exc_info())\n"
            "safe = SafeExceptionReporterFilter().get_safe_settings()\n"
            "print('stars', set(safe['SECRET_KEY']) == {'*'})\n"
            "print('hidden', [word for word in ('API', 'KEY', 'PASS', 'SECRET', 'SIGNATURE', 'TOKEN')\n"
            "    if not SafeExceptionReporterFilter.hidden_settings.search(word)])\n"
            "print('url', SafeExceptionReporterFilter().cleanse_setting('DATABASE_URL', 'plain'))\n"
            "page = reporter.get_traceback_html()\n"
            "print('local exposed', settings.SECRET_KEY in page)\n"
            "print('local wrapped', settings.STRIPE_KEY.expose() in page)\n"
        )
        facts = self.ran("shell", "-c", program)
        for fact in ("stars True", "hidden []", "url plain", "local exposed True", "local wrapped False"):
            self.assertIn(fact, facts)


class PydanticSettings(unittest.TestCase):
    def ran(self, secrets: Mapping[str, str], **variables: str) -> tuple[int, str]:
        folder = EXAMPLES / "pydantic_settings_app"
        with started(["app.py"], content(secrets), folder=folder, variables=variables) as process:
            output = "".join(process.communicate(timeout=LIMIT_SECONDS))
        return process.returncode, output

    def test_its_fields_are_filled_and_logged_as_stars(self) -> None:
        url = canary("pydantic")
        code, output = self.ran({"DATABASE_URL": url}, WORKERS="5", DATABASE_URL="another")
        self.assertEqual(code, 0, output)
        self.assertIn(f"the database's URL has {len(url)} characters", output)
        self.assertIn("sentry_dsn=None", output)
        self.assertIn("workers=5", output)
        self.assertIn('"database_url":"**********"', output)
        self.assertNotIn(url, output)

    def test_pydantic_says_what_is_missing_and_shows_nothing_else(self) -> None:
        dsn = canary("dsn")
        code, output = self.ran({"SENTRY_DSN": dsn})
        self.assertEqual(code, 1)
        self.assertIn("database_url", output)
        self.assertNotIn(dsn, output)
