import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { bundle, canary, run } from "./start.mjs";

const cwd = fileURLToPath(new URL("..", import.meta.url));
const node = (code, kind = "module") => [process.execPath, `--input-type=${kind}`, "--eval", code];

test("the first import reads, in CommonJS as in ESM, and later ones share it", async () => {
  const value = canary("dual");
  const code = `
    const unspoken = require("unspoken");
    const fs = require("node:fs");
    import("unspoken").then((module) => {
      const same = module.secrets === unspoken.secrets && module.get("A") === unspoken.get("A");
      process.stdout.write([same, unspoken.get("A").expose() === process.argv[1], process.env.UNSPOKEN_FD].join());
    });`;
  const done = await run(bundle({ A: value }), [...node(code, "commonjs"), value], { cwd });
  assert.deepEqual(done, { code: 0, stdout: "true,true,", stderr: "" });
});

// What a worker does: it says what it is told, and what it finds in the data that every worker is started with.
const WORKER = `
  const { SHARE_ENV, getEnvironmentData, parentPort, workerData } = require("node:worker_threads");
  const { inspect } = require("node:util");
  const { Secret, optional, secrets } = require("unspoken");
  const told = [inspect(getEnvironmentData("unspoken/1")), String(secrets)];
  try { optional("A"); told.push("gave"); } catch (error) { told.push(error.code, error.message); }
  if (workerData) told.push(String(new Secret(workerData.a).equals(process.argv[2])), inspect(new Secret(workerData.a)));
  parentPort.postMessage(told.join(" | "));`;
const TOLD = "undefined | Secrets (unreadable) | UNSPOKEN_UNREADABLE | worker threads have no secrets";
const worker = (options) => `new Worker(${JSON.stringify(WORKER)}, { eval: true, execArgv: [], ${options} })`;

test("a worker thread has no secrets but what it is given", async () => {
  const value = canary("worker");
  const code = `
    import { Worker } from "node:worker_threads";
    import { secrets } from "unspoken";
    const given = ${worker("argv: [process.argv[1]], workerData: { a: secrets.A.expose() }")};
    given.on("message", console.log);`;
  const done = await run(bundle({ A: value }), [...node(code), value], { cwd });
  assert.deepEqual([done.code, done.stderr], [0, ""]);
  assert.ok(done.stdout.startsWith(TOLD) && done.stdout.endsWith(" | true | [REDACTED]\n"), done.stdout);
  assert.ok(!done.stdout.includes(value));
});

for (const [when, options] of [["a copy of the variables", ""], ["the variables themselves", "env: SHARE_ENV"]]) {
  test(`a worker thread that comes first, with ${when}, does not touch the pipe`, async () => {
    const code = `
      import { SHARE_ENV, Worker } from "node:worker_threads";
      ${worker(options)}.on("message", async (message) => {
        const { names } = await import("unspoken");
        console.log(message, names().join(), process.env.UNSPOKEN_FD);
      });`;
    const done = await run(bundle({ A: canary("early") }), node(code), { cwd });
    assert.deepEqual([done.code, done.stderr], [0, ""]);
    assert.ok(done.stdout.startsWith(TOLD) && done.stdout.endsWith(" A undefined\n"), done.stdout);
  });
}

test("outside, a worker thread is told the same", async () => {
  const code = `
    import { Worker } from "node:worker_threads";
    import { optional } from "unspoken";
    ${worker("")}.on("message", (message) => console.log(message, optional("A")));`;
  // An undefined variable is none.
  const done = await run("", node(code), { cwd, variables: { UNSPOKEN_FD: undefined } });
  assert.ok(done.stdout.startsWith(TOLD) && done.stdout.endsWith(" undefined\n"), done.stdout + done.stderr);
});

test("the package does not load what it does not need", async () => {
  const code = `
    import "unspoken";
    console.log(process.moduleLoadList.filter((name) => /NativeModule (worker_threads|crypto|child_process)$/.test(name)).join());`;
  const done = await run(bundle({}), node(code), { cwd });
  assert.deepEqual(done, { code: 0, stdout: "\n", stderr: "" });
});

// Both are written to a memory file of our name by a Python, which says afterwards whether it was changed.
for (const [kind, seals, expected] of [["sealed", 15, "true"], ["not sealed", 0, "UNSPOKEN_UNREADABLE"]]) {
  test(`a memory file that is ${kind} is told by what it refuses`, async () => {
    const value = canary("memory");
    const code = `
      import { optional } from "unspoken";
      try { console.log(optional("A")?.equals(process.argv[1])); } catch (error) { console.log(error.code); }`;
    const script = `
import fcntl, os, subprocess, sys
content = os.read(3, 1 << 20)
memory = os.memfd_create("unspoken", os.MFD_ALLOW_SEALING)
os.write(memory, content)
fcntl.fcntl(memory, 1033, ${seals})
for number in (3, 9):
    os.dup2(memory, number)
code = subprocess.run(sys.argv[1:], pass_fds=(3, 9)).returncode
print(os.pread(memory, 1 << 20, 0) == content)
sys.exit(code)`;
    const done = await run(bundle({ A: value }), ["python3", "-c", script, ...node(code), value], { cwd });
    assert.deepEqual(done, { code: 0, stdout: `${expected}\nTrue\n`, stderr: "" });
  });
}

test("a pipe that a launcher uses itself is not touched", async () => {
  // As make does it: both ends are inherited, and one token lies in the pipe.
  const script = `
import os, subprocess, sys
read, write = os.pipe()
os.write(write, b"+")
os.dup2(read, 3)
os.dup2(write, 4)
code = subprocess.run(sys.argv[1:], pass_fds=(3, 4)).returncode
os.set_blocking(3, False)
print(os.read(3, 10))
sys.exit(code)`;
  const code = `
    import { optional } from "unspoken";
    try { optional("A"); } catch (error) { console.log(error.code); }`;
  for (const list of ["3,20", "3", "3,4", "4,3"]) {
    const options = { cwd, variables: { UNSPOKEN_FD: list } };
    const done = await run("", ["python3", "-c", script, ...node(code)], options);
    assert.deepEqual(done, { code: 0, stdout: "UNSPOKEN_UNREADABLE\nb'+'\n", stderr: "" }, list);
  }
});

test("a bundle that is too large ends the process", async () => {
  const content = `{"version":1,"secrets":{},"rest":"${"x".repeat(64 * 1024 * 1024)}"}`;
  const done = await run(content, node(`await import("unspoken");`), { cwd });
  assert.deepEqual(done, { code: 78, stdout: "", stderr: "unspoken: the bundle is larger than 67108864 bytes\n" });
});

test("a broken bundle ends the process, whatever it had still to do", async () => {
  const hidden = canary("broken");
  const code = `
    try { await import("unspoken"); } catch {}
    console.log("went on");`;
  const done = await run(`{"version":1,"secrets":{"A":"${hidden}`, node(code), { cwd });
  assert.deepEqual(done, { code: 78, stdout: "", stderr: "unspoken: the bundle is not JSON\n" });
});

test("a pipe that does not block is waited for", async () => {
  const value = canary("later");
  const code = `
    import { secrets } from "unspoken";
    process.stdout.write(String(secrets.A.equals(process.argv[1])));`;
  // A Python between us makes the pipe non-blocking, and the content comes late and in two parts.
  const script = `
import os, sys, time
read, write = os.pipe()
content = os.read(3, 1 << 20)
if os.fork() == 0:
    os.close(read)
    for part in (content[:9], content[9:]):
        time.sleep(0.2)
        os.write(write, part)
    os._exit(0)
os.close(write)
os.set_blocking(read, False)
os.dup2(read, 3)
os.dup2(read, 9)
os.close(read)
os.execvp(sys.argv[1], sys.argv[1:])`;
  const done = await run(bundle({ A: value }), ["python3", "-c", script, ...node(code), value], { cwd });
  assert.deepEqual(done, { code: 0, stdout: "true", stderr: "" });
});

test("where a launcher closed the descriptors, the runtime's own pipes are not touched", async () => {
  // Every number that Node may have taken for itself is listed, one after the other.
  const code = `
    import { optional } from "unspoken";
    try { optional("A"); } catch (error) { console.log(error.code); }
    setTimeout(() => console.log("alive"), 10);
    process.once("SIGUSR2", () => process.exit(0));
    setTimeout(() => process.kill(process.pid, "SIGUSR2"), 20);
    setTimeout(() => process.exit(9), 5000);`;
  for (let number = 3; number < 24; number++) {
    const options = { cwd, variables: { UNSPOKEN_FD: String(number) }, script: 'exec 3<&- 9<&-; exec "$@"' };
    const done = await run("", node(code), options);
    assert.deepEqual(done, { code: 0, stdout: "UNSPOKEN_UNREADABLE\nalive\n", stderr: "" }, `descriptor ${number}`);
  }
});

test("what could not be read stays an error in a child", async () => {
  const child = `require("unspoken").optional("A")`;
  const code = `
    import { spawnSync } from "node:child_process";
    import { secrets } from "unspoken";
    console.log(String(secrets), JSON.stringify(secrets));
    const done = spawnSync(process.execPath, ["--eval", ${JSON.stringify(child)}], { encoding: "utf8" });
    console.log(done.status, done.stderr.includes("UNSPOKEN_FD"));`;
  const done = await run("", node(code), { cwd, script: 'exec 3<&- 9<&-; exec "$@"' });
  assert.deepEqual(done, { code: 0, stdout: "Secrets (unreadable) {}\n1 true\n", stderr: "" });
});

test("the token is a secret", async () => {
  const value = canary("token");
  const code = `
    import { inspect } from "node:util";
    import { isProbe, token } from "unspoken";
    console.log(isProbe(process.argv[1]), isProbe("x"), inspect(token()));`;
  const done = await run(bundle({}, { token: value }), [...node(code), value], { cwd });
  assert.deepEqual(done, { code: 0, stdout: "true false [REDACTED]\n", stderr: "" });
});
