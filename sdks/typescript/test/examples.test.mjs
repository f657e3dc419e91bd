// The examples as a user would run them, with the package as it is published: in the folder UNSPOKEN_EXAMPLES.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { bundle, canary, start } from "./start.mjs";

const FOLDER = process.env.UNSPOKEN_EXAMPLES;
assert.ok(FOLDER, "UNSPOKEN_EXAMPLES names the folder of the examples");
const VARIABLES = { PORT: "0", NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };
const value = canary("example");
const token = canary("probe");
const mac = createHmac("sha256", value).update("hello").digest("hex");
const vite = join(FOLDER, "node_modules/vite/bin/vite.js");
const next = join(FOLDER, "node_modules/next/dist/bin/next");
const left = [];
after(() => left.forEach((folder) => rmSync(folder, { recursive: true })));

function build(example, command, variables = {}) {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...VARIABLES, ...variables };
  const done = spawnSync(process.execPath, command, { cwd: join(FOLDER, example), env, encoding: "utf8" });
  return { code: done.status, output: done.stdout + done.stderr };
}

/** Starts an example by the real program where there is one, else with a pipe made by hand. */
function serve(example, command) {
  const cwd = join(FOLDER, example);
  const { UNSPOKEN_BIN } = process.env;
  if (UNSPOKEN_BIN === undefined) {
    return start(bundle({ SIGNING_KEY: value }, { token }), [process.execPath, ...command], { cwd, variables: VARIABLES });
  }
  const { root, env } = project(UNSPOKEN_BIN);
  const arguments_ = ["--project-dir", root, "run", "--fd", "-e", "production", "--", process.execPath, ...command];
  return spawn(UNSPOKEN_BIN, arguments_, { cwd, detached: true, env: { ...env, ...VARIABLES } });
}

function project(program) {
  const folder = mkdtempSync(join(tmpdir(), "unspoken-example-"));
  left.push(folder);
  // Private keys inside of a project are refused.
  const root = join(folder, "project");
  mkdirSync(root);
  const env = { PATH: process.env.PATH, HOME: folder, UNSPOKEN_HOME: join(folder, "keys") };
  for (const [words, input] of [
    [["init", "--project", "acme-web", "-e", "production"], ""],
    [["set", "SIGNING_KEY", "-e", "production"], value],
  ]) {
    const done = spawnSync(program, words, { cwd: root, env, input, encoding: "utf8" });
    assert.equal(done.status, 0, done.stderr);
  }
  return { root, env };
}

/** Waits for the port that the server prints, asks, ends it, and gives back all that it has printed. */
async function asked(server, ask) {
  let output = "";
  const port = new Promise((resolve, reject) => {
    const read = (chunk) => {
      output += chunk;
      const found = /(?:listening on |localhost:|127\.0\.0\.1:)([1-9]\d*)/.exec(output.replaceAll(/\u001b\[[\d;]*m/g, ""));
      if (found) resolve(found[1]);
    };
    server.stdout.on("data", read);
    server.stderr.on("data", read);
    setTimeout(() => reject(new Error(`does not listen: ${output}`)), 20_000).unref();
    server.once("close", (code) => reject(new Error(`ended with ${code}: ${output}`)));
  });
  const ended = new Promise((resolve) => server.once("close", resolve));
  try {
    await ask(`http://127.0.0.1:${await port}`);
  } finally {
    process.kill(-server.pid);
    await ended;
  }
  assert.ok(!output.includes(value), "the server has printed the value");
  return output;
}

test("Express signs with a secret, and logs its configuration without it", async () => {
  const output = await asked(serve("express", ["server.mjs"]), async (url) => {
    assert.deepEqual(await (await fetch(`${url}/sign?text=hello`)).json(), { environment: "production", mac });
    assert.equal((await fetch(`${url}/health`, { headers: { "x-unspoken-token": "guessed" } })).status, 404);
    if (process.env.UNSPOKEN_BIN !== undefined) return;
    assert.equal((await fetch(`${url}/health`, { headers: { "x-unspoken-token": token } })).status, 204);
  });
  assert.match(output, /configuration: \{\s+port: 0,\s+signingKey: \[REDACTED\],\s+all: Secrets \{ SIGNING_KEY: \[REDACTED\] \}\s+\}/);
});

test("Vite builds the client without, and the server with an import", async () => {
  for (const command of [[vite, "build"], [vite, "build", "--ssr", "src/server.js", "--outDir", "dist/server"]]) {
    const built = build("vite", command);
    assert.equal(built.code, 0, built.output);
  }
  const output = await asked(serve("vite", ["dist/server/server.js"]), async (url) => {
    assert.equal(await (await fetch(`${url}/sign?text=hello`)).text(), mac);
  });
  assert.match(output, /secrets: Secrets \{ SIGNING_KEY: \[REDACTED\] \}/);
});

test("Vite does not build a client that imports the package", () => {
  const built = build("vite", [vite, "build", "--outDir", "dist/leaking"], { LEAKING: "1" });
  assert.notEqual(built.code, 0);
  assert.match(built.output, /unspoken-is-for-servers-only/);
});

test("Next serves a component and a route handler that use a secret", async () => {
  const built = build("next", [next, "build"]);
  assert.equal(built.code, 0, built.output);
  await asked(serve("next", [next, "start", "-H", "127.0.0.1"]), async (url) => {
    assert.deepEqual(await (await fetch(`${url}/sign?text=hello`)).json(), { mac });
    const page = await (await fetch(url)).text();
    assert.match(page.replaceAll("<!-- -->", ""), /production: SIGNING_KEY, \[REDACTED\]/);
    assert.ok(!page.includes(value));
  });
  const files = readdirSync(join(FOLDER, "next/.next"), { recursive: true, withFileTypes: true });
  for (const file of files.filter((file) => file.isFile())) {
    assert.ok(!readFileSync(join(file.parentPath ?? file.path, file.name)).includes(value), file.name);
  }
});

for (const bundler of ["--turbopack", "--webpack"]) {
  test(`Next does not build a client component that imports the package: ${bundler}`, () => {
    const leaking = join(FOLDER, "next/app/leaking");
    cpSync(join(FOLDER, "next/leaking"), leaking, { recursive: true });
    const built = build("next", [next, "build", bundler]);
    rmSync(leaking, { recursive: true });
    assert.notEqual(built.code, 0);
    assert.match(built.output, /unspoken-is-for-servers-only/);
  });
}
