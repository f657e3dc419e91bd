"""Runs a program on a terminal of its own, as a person would see it.

Standard input holds one JSON object: `command`, `steps` (each `expect`: a text
to wait for, or `send`: what is typed then) and `stdout`: `terminal` or `pipe`.
Standard output gets one: `code` (128 and the signal's number where a signal
ended it), `screen`: all that the terminal showed, `stdout`: what went into the
pipe, `restored`: whether the terminal is afterwards set as it was before,
`missed`: the text that did not come, and `waits`: for how many seconds each
expected one was waited for.
"""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import termios
import time

PATIENCE = 20.0


def main():
    script = json.load(sys.stdin)
    master, slave = os.openpty()
    before = termios.tcgetattr(slave)
    pipe = subprocess.PIPE if script["stdout"] == "pipe" else slave

    def own_terminal():
        os.setsid()
        # Whoever started us may have us ignore them, as `nohup` does.
        for ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(ignored, signal.SIG_DFL)
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

    child = subprocess.Popen(
        script["command"], stdin=slave, stdout=pipe, stderr=slave, preexec_fn=own_terminal
    )
    screen = bytearray()
    missed = None
    seen = 0
    waits = []
    for step in script["steps"]:
        if "send" in step:
            os.write(master, step["send"].encode())
            continue
        wanted = step["expect"].encode()
        begin = time.monotonic()
        end = begin + PATIENCE
        while screen.find(wanted, seen) < 0 and time.monotonic() < end:
            if not read(master, screen, 0.1) and child.poll() is not None:
                break
        found = screen.find(wanted, seen)
        if found < 0:
            missed = step["expect"]
            break
        seen = found + len(wanted)
        waits.append(time.monotonic() - begin)
    if missed is not None:
        child.kill()
    code = finish(child, master, screen)
    after = termios.tcgetattr(slave)
    answer = {
        "code": code,
        "screen": screen.decode("utf-8", "replace"),
        "stdout": child.stdout.read().decode("utf-8", "replace") if child.stdout else "",
        "restored": before == after,
        "missed": missed,
        "waits": waits,
    }
    json.dump(answer, sys.stdout)


def read(master, screen, wait):
    ready, _, _ = select.select([master], [], [], wait)
    if not ready:
        return False
    screen += os.read(master, 65536)
    return True


def finish(child, master, screen):
    end = time.monotonic() + PATIENCE
    while child.poll() is None:
        read(master, screen, 0.05)
        if time.monotonic() > end:
            child.kill()
            child.wait()
            return -1
    while read(master, screen, 0.05):
        pass
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


main()
