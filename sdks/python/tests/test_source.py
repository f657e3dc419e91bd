"""Reading: real pipes, threads, forks and exit codes. The rest is in `conformance/`."""

from __future__ import annotations

import unittest

from .program import canary, content, ran

VALUE = canary("source")
BUNDLE = content({"A": VALUE})
BROKEN = BUNDLE[:-2]
# Python warns of a fork while threads run, when they happen to run still.
HEAD = "import os, sys, threading, unspoken, warnings\nwarnings.simplefilter('ignore')\n"
CORRECT = "unspoken.get('A').expose() == sys.argv[1]"


class Reading(unittest.TestCase):
    def holds(self, program: str, bundle: bytes | None, **variables: str) -> str:
        code, output, errors = ran(HEAD + program, bundle, VALUE, variables=variables)
        self.assertEqual((code, errors), (0, ""))
        return output

    def refused(self, program: str, bundle: bytes, *says: str) -> None:
        code, output, errors = ran(HEAD + program, bundle, variables={})
        self.assertEqual((code, output), (78, ""))
        self.assertEqual(errors.count("\n"), 1)
        self.assertTrue(errors.startswith("unspoken: "))
        self.assertNotIn("canary", errors)
        for text in says:
            self.assertIn(text, errors)

    def test_a_broken_bundle_ends_the_process(self) -> None:
        self.refused("unspoken.optional('A')\nprint('on')", BROKEN)
        self.refused("unspoken.load()", b"", "already read by another process")

    def test_a_broken_bundle_ends_the_process_from_a_thread_whatever_catches(self) -> None:
        self.refused(
            "def ask():\n"
            "    try: unspoken.get('A')\n"
            "    except BaseException: print('caught')\n"
            "    finally: print('finally')\n"
            "threading.Thread(target=ask).start()\n"
            "threading.Event().wait(30)\n",
            BROKEN,
        )

    def test_it_ends_without_a_standard_error(self) -> None:
        code, output, errors = ran(HEAD + "sys.stderr = None\nunspoken.load()", BROKEN)
        self.assertEqual((code, output), (78, ""))
        code, output, errors = ran(HEAD + "os.close(2)\nunspoken.load()", BROKEN)
        self.assertEqual((code, output, errors), (78, "", ""))

    def test_a_child_that_is_forked_afterwards_keeps_the_secrets(self) -> None:
        self.holds(
            "unspoken.load()\n"
            "pid = os.fork()\n"
            f"if pid == 0: os._exit(0 if {CORRECT} else 1)\n"
            f"assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 and {CORRECT}\n",
            BUNDLE,
        )

    def test_a_child_that_is_forked_before_finds_the_pipe_empty(self) -> None:
        code, _, errors = ran(
            HEAD + "pid = os.fork()\n"
            f"if pid == 0: os._exit(0 if {CORRECT} else 1)\n"
            "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0\n"
            "unspoken.get('A')\n",
            BUNDLE,
            VALUE,
        )
        self.assertEqual(code, 78)
        self.assertIn("already read by another process", errors)

    def test_a_fork_waits_for_a_reading_that_goes_on(self) -> None:
        # The bundle's second half comes when the fork has been asked for.
        self.holds(
            "read, write = os.pipe()\n"
            "text = sys.argv[2].encode()\n"
            "os.environ['UNSPOKEN_FD'] = str(read)\n"
            "os.write(write, text[:20])\n"
            "reader = threading.Thread(target=unspoken.load)\n"
            "reader.start()\n"
            "from unspoken._source import process\n"
            "while process.lock.acquire(blocking=False): process.lock.release()\n"
            "def rest():\n"
            "    threading.Event().wait(0.2)\n"
            "    os.write(write, text[20:]); os.close(write)\n"
            "threading.Thread(target=rest).start()\n"
            "pid = os.fork()\n"
            f"if pid == 0: os._exit(0 if {CORRECT} else 1)\n"
            "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0\n".replace(
                "sys.argv[2]", repr(BUNDLE.decode())
            ),
            None,
        )

    def test_a_pipe_that_does_not_wait_is_read_to_its_end(self) -> None:
        self.holds(
            "number = int(os.environ['UNSPOKEN_FD'])\n"
            "os.set_blocking(number, False)\n"
            f"assert {CORRECT}\n",
            content({"A": VALUE, "B": "x" * 1_000_000}),
        )

    def test_what_is_wrong_with_the_variable_is_said_every_time(self) -> None:
        for text in ("", "three", "2", "3,", ",3", "3, 20", "+3", "-3", "٣", "3" * 20, "3," * 40 + "3"):
            output = self.holds(
                "for _ in range(2):\n"
                "    for ask in (unspoken.get, unspoken.optional, unspoken.secrets.__contains__):\n"
                "        try: ask('A')\n"
                "        except unspoken.DescriptorError as error: print(error)\n"
                "try: hasattr(unspoken.secrets, 'A')\n"
                "except unspoken.DescriptorError as error: print(error)\n",
                None,
                UNSPOKEN_FD=text,
                LANG="C.UTF-8",
            )
            self.assertEqual(output.count("`UNSPOKEN_FD` is not a list"), 7, repr(text))

    def test_closed_descriptors_are_an_error_that_says_what_to_do(self) -> None:
        output = self.holds(
            "try: unspoken.optional('A')\nexcept unspoken.DescriptorError as error: print(error)",
            None,
            UNSPOKEN_FD="3,20",
        )
        for text in ("UNSPOKEN_FD", "closed", "--fd=N", "unspoken doctor"):
            self.assertIn(text, output)

    def test_the_variable_is_used_where_the_descriptors_are_closed(self) -> None:
        self.holds(
            f"assert {CORRECT}\nassert not [n for n in os.environ if n.startswith('UNSPOKEN')]",
            None,
            UNSPOKEN_FD="3,20",
            UNSPOKEN_BUNDLE=BUNDLE.decode(),
        )

    def test_the_write_end_of_a_pipe_is_an_error(self) -> None:
        self.holds(
            "read, write = os.pipe()\n"
            "os.environ['UNSPOKEN_FD'] = str(write)\n"
            "try: unspoken.optional('A')\n"
            "except unspoken.DescriptorError as error: assert 'cannot be read' in str(error)\n"
            "else: raise SystemExit(1)\n",
            None,
        )

    def test_a_pipe_of_somebody_else_stays_open(self) -> None:
        self.holds(
            "ours = int(os.environ['UNSPOKEN_FD'])\n"
            "read, write = os.pipe()\n"
            "copy = os.dup(ours)\n"
            "os.environ['UNSPOKEN_FD'] = f'{ours},{read},{copy}'\n"
            f"assert {CORRECT}\n"
            "os.fstat(read)\n"
            "for number in (ours, copy):\n"
            "    try: os.fstat(number)\n"
            "    except OSError: continue\n"
            "    raise SystemExit(1)\n",
            BUNDLE,
        )

    def test_a_hash_says_nothing_outside_of_its_process(self) -> None:
        program = "print(hash(unspoken.get('A')))"
        self.assertNotEqual(
            self.holds(program, BUNDLE, PYTHONHASHSEED="0"),
            self.holds(program, BUNDLE, PYTHONHASHSEED="0"),
        )


class Ready(unittest.TestCase):
    def test_ready_is_said_once_and_the_descriptor_closed(self) -> None:
        code, output, errors = ran(
            HEAD + "read, write = os.pipe()\n"
            "os.environ['UNSPOKEN_READY_FD'] = f'{write},{os.dup(write)}'\n"
            "unspoken.ready(8080); unspoken.ready(9090)\n"
            "assert os.read(read, 100) == b'8080\\n' and os.read(read, 100) == b''\n"
            "assert 'UNSPOKEN_READY_FD' not in os.environ\n",
            None,
        )
        self.assertEqual((code, output, errors), (0, "", ""))

    def test_ready_says_what_is_wrong(self) -> None:
        code, output, _ = ran(
            HEAD + "for text in ('x', '2', '99'):\n"
            "    os.environ['UNSPOKEN_READY_FD'] = text\n"
            "    try: unspoken.ready(1)\n"
            "    except unspoken.DescriptorError as error: print(error)\n"
            "read, write = os.pipe(); os.close(read)\n"
            "os.environ['UNSPOKEN_READY_FD'] = str(write)\n"
            "try: unspoken.ready(1)\n"
            "except unspoken.DescriptorError as error: print(error)\n",
            None,
        )
        self.assertEqual((code, output.count("`UNSPOKEN_READY_FD`")), (0, 4))

    def test_a_port_is_a_port(self) -> None:
        import unspoken

        for port in (0, -1, 65536, True, "80", 1.5):
            with self.assertRaises(ValueError):
                unspoken.ready(port)  # type: ignore[arg-type]
