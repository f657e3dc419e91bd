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

test("a worker thread is given what the main thread has read", async () => {
  const value = canary("worker");
  const worker = `
    const { parentPort } = require("node:worker_threads");
    const { get, info } = require("unspoken");
    parentPort.postMessage([require("node:crypto").createHash("sha256").update(get("A").expose()).digest("hex"), info().environment]);`;
  const code = `
    import { Worker } from "node:worker_threads";
    import { createHash } from "node:crypto";
    import { secrets } from "unspoken";
    const own = createHash("sha256").update(secrets.A.expose()).digest("hex");
    new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [] }).on("message", ([theirs, environment]) => console.log(theirs === own, environment));`;
  const done = await run(bundle({ A: value }), node(code), { cwd });
  assert.deepEqual(done, { code: 0, stdout: "true production\n", stderr: "" });
});

test("a worker thread that came too early is told so and does not touch the pipe", async () => {
  const worker = `
    const { parentPort } = require("node:worker_threads");
    try { require("unspoken").optional("A"); } catch (error) { parentPort.postMessage(error.message); }`;
  const code = `
    import { Worker } from "node:worker_threads";
    new Worker(${JSON.stringify(worker)}, { eval: true, execArgv: [] }).on("message", async (message) => {
      const { names } = await import("unspoken");
      console.log(message, names().join());
    });`;
  const done = await run(bundle({ A: canary("early") }), node(code), { cwd });
  assert.match(done.stdout, /import `unspoken` in the main thread first A\n$/);
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
