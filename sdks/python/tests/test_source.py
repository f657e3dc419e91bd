"""Reading: real pipes, threads, forks and exit codes. The rest is in `conformance/`."""

from __future__ import annotations

import unittest

from .program import canary, content, ran

VALUE = canary("source")
BUNDLE = content({"A": VALUE})
BROKEN = BUNDLE[:-2]
# Python warns of a fork while threads run, when they happen to run still.
BARE = "import os, subprocess, sys, threading, warnings\nwarnings.simplefilter('ignore')\n"
HEAD = BARE + "import unspoken\n"
# On two numbers that pass to children, as a parent leaves its pipes: so they count, although
# this process holds the other end.
INHERITED = (
    "def inherited(number):\n"
    "    copy = os.dup(number)\n"
    "    os.set_inheritable(number, True); os.set_inheritable(copy, True)\n"
    "    return f'{number},{copy}'\n"
)
CORRECT = "unspoken.get('A').expose() == sys.argv[1]"


class Reading(unittest.TestCase):
    def holds(
        self, program: str, bundle: bytes | None, head: str = HEAD, **variables: str
    ) -> str:
        code, output, errors = ran(head + program, bundle, VALUE, variables=variables)
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
            "os.environ['UNSPOKEN_FD'] = inherited(read)\n"
            "os.write(write, text[:20])\n"
            "import unspoken\n"
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
            BARE + INHERITED,
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

    def not_ours(self, opening: str) -> None:
        """What is opened as `number` is refused, and neither read nor closed nor marked."""
        self.holds(
            opening + "os.environ['UNSPOKEN_FD'] = f'{number},99'\n"
            "kept = os.get_inheritable(number)\n"
            "import unspoken\n"
            "for ask in (unspoken.get, unspoken.optional):\n"
            "    try: ask('A')\n"
            "    except unspoken.DescriptorError as error: assert 'closed them' in str(error)\n"
            "    else: raise SystemExit(1)\n"
            "assert os.get_inheritable(number) == kept\n"
            "assert os.environ['UNSPOKEN_FD'], 'a child must find that something is wrong'\n",
            None,
            BARE,
        )

    def test_what_the_program_opened_itself_is_not_ours(self) -> None:
        content = f"os.write(write, {BUNDLE!r}); "
        pipe = "read, write = os.pipe(); "
        passing = "os.set_inheritable(number, True)\n"
        closed = "os.close(write)\n"
        self.not_ours(pipe + content + closed + "number = read\n")
        self.not_ours(pipe + content + "number = read\n" + passing)
        self.not_ours(pipe + content + "number = read\n" + passing + "write = os.dup(write)\n")
        self.not_ours(pipe + "number = write; os.close(read)\n" + passing)
        self.not_ours(
            "import pathlib, tempfile\n"
            "path = pathlib.Path(tempfile.mkdtemp(), 'fifo'); os.mkfifo(path)\n"
            "number = os.open(path, os.O_RDWR); path.unlink(); path.parent.rmdir()\n" + passing
        )

    def test_a_memory_file_must_be_sealed_and_inherited(self) -> None:
        memory = "number = os.memfd_create('unspoken', os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)\n"
        memory += f"os.write(number, {BUNDLE!r})\n"
        seal = "import fcntl; fcntl.fcntl(number, 1033, 15)\n"
        passing = "os.set_inheritable(number, True)\n"
        self.not_ours(memory + passing)
        self.not_ours(memory + seal)
        self.holds(
            memory + seal + passing + "os.environ['UNSPOKEN_FD'] = str(number)\n"
            "import unspoken\n"
            f"assert os.get_inheritable(number) and {CORRECT}\n",
            None,
            BARE,
        )

    def test_a_number_that_was_used_again_is_not_ours(self) -> None:
        self.holds(
            "number = int(os.environ['UNSPOKEN_FD'])\n"
            "os.close(number)\n"
            "read, write = os.pipe()\n"
            "assert read == number\n"
            "try: unspoken.optional('A')\n"
            "except unspoken.DescriptorError: pass\n"
            "else: raise SystemExit(1)\n"
            "os.fstat(read)\n",
            BUNDLE,
        )

    def test_a_child_before_the_first_use_gets_an_error_and_takes_nothing(self) -> None:
        self.holds(
            "ask = 'import unspoken; unspoken.optional(\"A\")'\n"
            "child = subprocess.run([sys.executable, '-c', ask], close_fds=False, stderr=-1)\n"
            "assert child.returncode == 1 and b'DescriptorError' in child.stderr, child\n"
            f"assert {CORRECT}\n",
            BUNDLE,
        )

    def test_a_variable_does_not_outlive_a_list_that_is_wrong(self) -> None:
        self.holds(
            "try: unspoken.optional('A')\n"
            "except unspoken.DescriptorError: pass\n"
            "assert [n for n in os.environ if n.startswith('UNSPOKEN')] == ['UNSPOKEN_FD']\n",
            None,
            UNSPOKEN_FD="x",
            UNSPOKEN_BUNDLE=BUNDLE.decode(),
        )

    def test_a_pipe_of_somebody_else_stays_open(self) -> None:
        self.holds(
            "ours = int(os.environ['UNSPOKEN_FD'])\n"
            "read, write = os.pipe()\n"
            "copy = os.dup(ours)\n"
            "os.environ['UNSPOKEN_FD'] = f'{read},{ours},{copy}'\n"
            "import unspoken\n"
            f"assert {CORRECT}\n"
            "os.fstat(read)\n"
            "for number in (ours, copy):\n"
            "    try: os.fstat(number)\n"
            "    except OSError: continue\n"
            "    raise SystemExit(1)\n",
            BUNDLE,
            BARE,
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
            BARE + INHERITED + "read, write = os.pipe()\n"
            "os.environ['UNSPOKEN_READY_FD'] = inherited(write)\n"
            "import unspoken\n"
            "assert not os.get_inheritable(write)\n"
            "unspoken.ready(8080); unspoken.ready(9090)\n"
            "assert os.read(read, 100) == b'8080\\n' and os.read(read, 100) == b''\n"
            "assert 'UNSPOKEN_READY_FD' not in os.environ\n",
            None,
        )
        self.assertEqual((code, output, errors), (0, "", ""))

    def test_ready_says_what_is_wrong(self) -> None:
        opening = "read, write = os.pipe(); os.set_inheritable(read, True); "
        passing = "os.set_inheritable(write, True); "
        for number, before in (
            ("'x'", ""),
            ("'2'", ""),
            ("'99'", ""),
            ("str(read)", opening),  # Cannot be written.
            ("str(write)", opening + passing),  # This process reads it itself.
            ("str(write)", opening + "os.close(read); "),  # Opened by this process.
            ("str(write)", opening + passing + "os.close(read); "),  # Nobody reads it.
        ):
            code, output, errors = ran(
                BARE + before + f"os.environ['UNSPOKEN_READY_FD'] = {number}\n"
                "import unspoken\n"
                "try: unspoken.ready(1)\n"
                "except unspoken.DescriptorError as error: print(error)\n",
                None,
            )
            self.assertEqual((code, errors), (0, ""))
            self.assertIn("`UNSPOKEN_READY_FD`", output, before)

    def test_a_port_is_a_port(self) -> None:
        import unspoken

        for port in (0, -1, 65536, True, "80", 1.5):
            with self.assertRaises(ValueError):
                unspoken.ready(port)  # type: ignore[arg-type]
