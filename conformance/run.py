#!/usr/bin/env python3
"""Performs the conformance cases against one library's probe. See README.md."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent
LIMIT_SECONDS = 60
VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "NODE_PATH", "GOCACHE")
CHILD = """#!/bin/sh
for number in 3 4 9 20; do
    if [ -e "/proc/self/fd/$number" ]; then echo "descriptor $number"; fi
done
env | sed -n 's/^\\(UNSPOKEN_[A-Z_]*\\)=.*/variable \\1/p'
"""


class Wrong(Exception):
    """What a probe did is not what its case expects."""


def demand(holds: bool, message: str) -> None:
    if not holds:
        raise Wrong(message)


class Case:
    """One file of `cases/`."""

    def __init__(self, path: pathlib.Path):
        self.name = path.stem
        self.data = json.loads(path.read_text("utf-8"))
        self.expect = self.data["expect"]
        self.mode = self.data.get("mode", "report")
        self.kind = self.data.get("kind", "pipe")
        self.through = self.data.get("through")
        self.bundle = self.data.get("bundle")
        if "generate" in self.data:
            self.bundle = generated(**self.data["generate"])

    def content(self) -> bytes | None:
        if "text" in self.data:
            return self.data["text"].encode("utf-8", "surrogateescape")
        if "hex" in self.data:
            return bytes.fromhex(self.data["hex"])
        return None if self.bundle is None else compact(self.bundle)

    def secrets(self) -> dict[str, str]:
        """The values that the probe must find."""
        return (self.expected_bundle() or {}).get("secrets", {})

    def expected_bundle(self) -> dict | None:
        return self.data.get("delivered", self.bundle)

    def values(self) -> list[bytes]:
        """Everything that must not be seen: values, and texts the case marks."""
        found = [text.encode() for text in self.data.get("hidden", [])]
        for bundle in (self.bundle, self.data.get("delivered"), self.data.get("variable_bundle")):
            if isinstance(bundle, dict):
                secrets = bundle.get("secrets")
                found += [str(v).encode() for v in secrets.values()] if isinstance(secrets, dict) else []
                found.append(str(bundle.get("token", "")).encode())
        return [value for value in found if len(value) >= 4]


def compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def generated(secrets: int, bytes: int) -> dict:
    text = "canary-" + "0123456789abcdef" * (bytes // 16 + 1)
    values = {f"SECRET_{number}": f"{number}-{text}"[:bytes] for number in range(secrets)}
    return dict(bundle_of(values))


def bundle_of(secrets: dict[str, str]) -> dict:
    return {"version": 1, "project": "acme-web", "environment": "production", "revision": 7,
            "token": "", "secrets": secrets, "storages": {}}


class Descriptors:
    """What the probe finds open, by number, and what the runner watches."""

    def __init__(self, case: Case):
        self.passed: dict[int, int] = {}
        self.foreign: list[tuple[str, int]] = []
        self.ready: int | None = None
        self.writer: threading.Thread | None = None
        self.sealed = case.data.get("sealed", True)
        content = case.content()
        numbers = case.data.get("on", [3, 20])
        if content is not None and case.kind != "none" and case.through != "unspoken":
            source = getattr(self, "of_" + case.kind)(content)
            self.passed.update({number: source for number in numbers})
        for number, kind in case.data.get("foreign", {}).items():
            match kind:
                case "file":
                    source = self.of_file(b"foreign")
                case "pipe":
                    source = self.foreign_pipe()
                case "writer":
                    source = self.kept
            self.passed[int(number)] = source
            self.foreign.append((kind, source))
        if case.mode == "ready":
            self.ready, write = os.pipe()
            self.passed[4] = write

    def of_pipe(self, content: bytes) -> int:
        read, write = os.pipe()
        self.writer = threading.Thread(target=fill, args=(write, content), daemon=True)
        self.writer.start()
        return read

    def foreign_pipe(self) -> int:
        read, write = os.pipe()
        os.write(write, b"foreign")
        # Where a probe has emptied it, looking must fail, not wait.
        os.set_blocking(read, False)
        self.kept = write
        return read

    def of_memfd(self, content: bytes) -> int:
        import fcntl
        memory = os.memfd_create("unspoken", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        os.write(memory, content)
        add_seals = 1033
        if self.sealed:
            fcntl.fcntl(memory, add_seals, 0b1111)
        # Where an earlier reader stopped must not matter.
        os.lseek(memory, 5, os.SEEK_SET)
        return memory

    def of_file(self, content: bytes) -> int:
        file = tempfile.TemporaryFile()
        file.write(content)
        file.flush()
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        descriptor = os.dup(file.fileno())
        file.close()
        return descriptor

    def check_foreign(self) -> None:
        for kind, source in self.foreign:
            if kind == "file":
                demand(os.lseek(source, 0, os.SEEK_CUR) == 0, "a foreign file was read")
            elif kind == "pipe":
                # A probe that took it for a bundle may have changed that as well.
                os.set_blocking(source, False)
                try:
                    demand(os.read(source, 100) == b"foreign", "a foreign pipe was read")
                except BlockingIOError:
                    raise Wrong("a foreign pipe was read") from None

    def close_passed(self) -> None:
        watched = {source for _, source in self.foreign}
        for source in set(self.passed.values()) - watched:
            os.close(source)

    def shell(self) -> tuple[list[str], list[int]]:
        """A prefix that moves descriptors to their numbers, whatever they are now."""
        high = {number: 30 + at for at, number in enumerate(self.passed)}
        for number, source in self.passed.items():
            os.dup2(source, high[number], inheritable=True)
        moves = " ".join(f"{number}<&{high[number]}" for number in self.passed)
        closes = " ".join(f"{above}<&-" for above in high.values())
        script = f'exec {moves} {closes}\nexec "$@"' if moves else 'exec "$@"'
        return ["bash", "-c", script, "bash"], list(high.values())


def fill(write: int, content: bytes) -> None:
    try:
        with os.fdopen(write, "wb") as pipe:
            pipe.write(content)
    except BrokenPipeError:
        pass


def launcher(case: Case, folder: pathlib.Path, unspoken: str | None, probe: list[str]) -> list[str]:
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in probe)
    match case.through:
        case None:
            return probe
        case "sh":
            return ["sh", "-c", quoted + "; exit $?"]
        case "env":
            return ["env", "BETWEEN=1", *probe]
        case "make":
            (folder / "Makefile").write_text("probe:\n\t@" + quoted.replace("$", "$$") + "\n")
            return ["make", "--silent", "--no-print-directory", "-C", str(folder), "probe"]
        case "npm":
            script = {"name": "case", "private": True, "scripts": {"probe": quoted}}
            (folder / "package.json").write_text(json.dumps(script))
            return ["npm", "run", "--silent", "--prefix", str(folder), "probe"]
        case "unspoken":
            return [str(unspoken), "--project-dir", str(make_project(case, folder, str(unspoken))),
                    "run", "--fd", "-e", "production", "--", *probe]
    raise SystemExit(f"{case.name}: no launcher `{case.through}`")


def make_project(case: Case, folder: pathlib.Path, unspoken: str) -> pathlib.Path:
    root = folder / "project"
    root.mkdir()
    os.environ["UNSPOKEN_HOME"] = str(folder / "keys")
    calls = [([unspoken, "init", "--project", "acme-web", "-e", "production"], None)]
    calls += [([unspoken, "set", name, "-e", "production", "--empty"], value)
              for name, value in case.bundle["secrets"].items()]
    for call, value in calls:
        subprocess.run(call, cwd=root, input=None if value is None else value.encode(),
                       check=True, capture_output=True)
    return root


def perform(case: Case, probe: list[str], unspoken: str | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        child = folder / "child"
        child.write_text(CHILD)
        child.chmod(0o700)
        call = launcher(case, folder, unspoken, [*probe, case.mode, str(child)])
        descriptors = Descriptors(case)
        prefix, high = descriptors.shell()
        done = subprocess.Popen([*prefix, *call], env=variables(case), pass_fds=high, cwd=folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for number in high:
            os.close(number)
        descriptors.close_passed()
        try:
            stdout, stderr = done.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            done.kill()
            raise Wrong(f"did not end within {LIMIT_SECONDS} s") from None
        judge(case, done.returncode, stdout, stderr)
        descriptors.check_foreign()
        if descriptors.ready is not None:
            said = os.read(descriptors.ready, 100)
            demand(said == case.expect["ready"].encode(), f"said {said!r} on descriptor 4")


def variables(case: Case) -> dict[str, str]:
    kept = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    if case.through == "unspoken":
        kept["UNSPOKEN_HOME"] = os.environ["UNSPOKEN_HOME"]
        return kept
    numbers = ",".join(str(number) for number in case.data.get("on", [3, 20]))
    given = case.data.get("variables", {"UNSPOKEN_FD": numbers})
    if "variable_bundle" in case.data:
        given = {**given, "UNSPOKEN_BUNDLE": compact(case.data["variable_bundle"]).decode()}
    if "variable_text" in case.data:
        given = {**given, "UNSPOKEN_BUNDLE": case.data["variable_text"]}
    if case.mode == "ready":
        given = {**given, "UNSPOKEN_READY_FD": "4"}
    return {**kept, **given}


def judge(case: Case, code: int, stdout: bytes, stderr: bytes) -> None:
    said = stderr.decode("utf-8", "replace")
    for value in case.values():
        demand(value not in stdout, "a value stands on standard output")
        demand(value not in stderr, "a value stands on standard error")
    expected = case.expect.get("exit", 0)
    demand(code == expected, f"ended with {code}, not {expected}: {said}")
    for text in case.expect.get("stderr_has", []):
        demand(text in said, f"standard error lacks {text!r}: {said}")
    if expected == 78:
        demand(stdout == b"" and said != "", "exit code 78 needs a message and no output")
        return
    if case.mode == "ready":
        return
    try:
        report = json.loads(stdout)
    except ValueError:
        raise Wrong(f"standard output is no JSON: {said}") from None
    try:
        judge_expected(case, report, expected)
    except (AttributeError, LookupError, TypeError) as error:
        raise Wrong(f"the report lacks or misshapes a key: {error}") from None


def judge_expected(case: Case, report: dict, expected: int) -> None:
    if case.mode == "report" and expected == 0:
        judge_report(case, report)
    for key, value in case.expect.items():
        if key in ("exit", "stderr_has", "ready"):
            continue
        if key.endswith("_has"):
            found = report[key.removesuffix("_has")]
            demand(all(text in found for text in value), f"`{key}` says {found!r}")
        else:
            demand(report[key] == value, f"`{key}` is {report[key]!r}, not {value!r}")


def judge_report(case: Case, report: dict) -> None:
    bundle = case.expected_bundle() or {}
    outside = case.expect.get("outside", False)
    demand(report["outside"] == outside, f"`outside` is {report['outside']}")
    secrets = {} if outside else {name: digest(value) for name, value in case.secrets().items()}
    demand(report["secrets"] == secrets, f"other secrets: {sorted(report['secrets'])}")
    if not outside:
        for key, absent in (("project", ""), ("environment", ""), ("revision", 0)):
            if case.through != "unspoken" or key != "revision":
                demand(report[key] == bundle.get(key, absent), f"`{key}` is {report[key]!r}")
        token = bundle.get("token", "")
        demand(report["token"] == (sha(token) if token else ""), "another token")
    demand(report["optional"] is True, "the optional access gave something")
    demand(report["again"] is True, "the second reading gave something else")
    for text in report["printed"]:
        demand(isinstance(text, str), "`printed` is not a list of texts")
        for value in case.values():
            demand(value.decode() not in text, "a value was printed")
    demand(secrets == {} or any("[REDACTED]" in text for text in report["printed"]),
           "nothing that was printed says [REDACTED]")
    demand(report["variables"] == [], f"variables are left: {report['variables']}")
    ours = [f"descriptor {number}" for number in case.data.get("on", [3, 20])]
    foreign = [f"descriptor {number}" for number in case.data.get("foreign", {})]
    seen = [line for line in report["child"] if line not in foreign]
    demand(not any(line in ours or line.startswith("variable") for line in seen),
           f"a child finds {seen}")


def digest(value: str) -> dict:
    return {"bytes": len(value.encode()), "sha256": sha(value)}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", help="only this one")
    parser.add_argument("--unspoken", help="the program, for the cases that are started by it")
    parser.add_argument("probe", nargs="+")
    chosen = parser.parse_args()
    probe = [shutil.which(chosen.probe[0]) or chosen.probe[0], *chosen.probe[1:]]
    probe = [os.path.abspath(word) if os.path.exists(word) else word for word in probe]
    if chosen.unspoken is not None:
        chosen.unspoken = os.path.abspath(chosen.unspoken)
    paths = sorted((HERE / "cases").glob("*.json"))
    cases = [case for case in map(Case, paths) if chosen.case in (None, case.name)]
    failed = left = 0
    for case in cases:
        if case.through == "unspoken" and chosen.unspoken is None:
            left += 1
            continue
        try:
            perform(case, probe, chosen.unspoken)
        except Wrong as wrong:
            failed += 1
            print(f"{case.name}: {wrong}\n  ({case.data['about']})")
    print(f"{len(cases) - failed - left} passed, {failed} failed, {left} left out")
    return 1 if failed or not cases else 3 if left else 0


if __name__ == "__main__":
    sys.exit(main())
