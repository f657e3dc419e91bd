import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const folder = new URL("types/", import.meta.url);
const compiler = fileURLToPath(new URL("../node_modules/.bin/tsc", import.meta.url));
const flags = ["--ignoreConfig", "--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", "es2022", "--types", ""];

function compile(files, module) {
  const paths = files.map((file) => fileURLToPath(new URL(file, folder)));
  return spawnSync(compiler, [...flags, ...module, ...paths], { encoding: "utf8", cwd: fileURLToPath(folder) });
}

const MODES = {
  nodenext: ["--module", "nodenext"],
  bundler: ["--module", "esnext", "--moduleResolution", "bundler"],
};

for (const [mode, module] of Object.entries(MODES)) {
  for (const file of readdirSync(folder).filter((file) => file.startsWith("good"))) {
    // What `require` gives is for the module system that has it.
    if (mode === "bundler" && file.endsWith(".cts")) continue;
    test(`${file} compiles with ${mode}`, () => {
      const done = compile(generated(file), module);
      assert.equal(done.stdout + done.stderr, "");
    });
  }
}

// Each line that is marked `// wrong` must be an error, and no other line.
for (const file of readdirSync(folder).filter((file) => file.startsWith("wrong"))) {
  test(`${file} is refused in each line that is wrong`, () => {
    const done = compile(generated(file), MODES.nodenext);
    const found = [...done.stdout.matchAll(/^(?:.*\/)?(\S+?)\((\d+),\d+\): error/gm)].map(([, name, line]) => `${name}:${line}`);
    const lines = readFileSync(new URL(file, folder), "utf8").split("\n");
    const expected = lines.flatMap((line, at) => (line.includes("// wrong") ? [`${file}:${at + 1}`] : []));
    assert.ok(expected.length > 0);
    assert.deepEqual([...new Set(found)], expected, done.stdout);
  });
}

function generated(file) {
  return file.includes("-typed.") ? ["secrets.generated.d.ts", file] : [file];
}
