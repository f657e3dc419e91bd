import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { UnspokenError, get, info, isProbe, names, optional, ready, secrets, token } from "unspoken";
import { provideSecrets } from "unspoken/testing";
import { parseBundle } from "../dist/esm/bundle.js";
import { parseDescriptors } from "../dist/esm/descriptor.js";
import { canary } from "./start.mjs";

const raises = (code, ...texts) => (error) => {
  assert.ok(error instanceof UnspokenError);
  assert.equal(error.code, code);
  for (const text of texts) assert.ok(error.message.includes(text), error.message);
  return true;
};

test("outside, a secret is an error that says how to start", () => {
  assert.equal(info().outside, true);
  assert.throws(() => secrets.DATABASE_URL, raises("UNSPOKEN_OUTSIDE", "DATABASE_URL", "unspoken run --fd -- <program>"));
  assert.throws(() => get("DATABASE_URL"), raises("UNSPOKEN_OUTSIDE"));
  assert.equal(optional("DATABASE_URL"), undefined);
  assert.deepEqual(names(), []);
  assert.deepEqual(Object.keys(secrets), []);
  assert.equal(String(secrets), "Secrets {}");
  assert.equal(token(), undefined);
  assert.equal(isProbe(""), false);
  assert.equal("DATABASE_URL" in secrets, false);
});

test("a test gives secrets by a call, and takes them back", () => {
  const value = canary("provided");
  const restore = provideSecrets({ DATABASE_URL: value }, { environment: "ci", token: value });
  assert.equal(secrets.DATABASE_URL.expose(), value);
  assert.equal(info().environment, "ci");
  assert.equal(isProbe(value), true);
  assert.equal(isProbe(`${value}x`), false);
  assert.equal(isProbe(undefined), false);
  restore();
  assert.throws(() => secrets.DATABASE_URL, raises("UNSPOKEN_OUTSIDE"));
});

test("a missing name is told with its nearest and the command", () => {
  const restore = provideSecrets({ DATABASE_URL: "x", STRIPE_KEY: "x" }, { project: "acme-web", environment: "staging" });
  const told = ["`DATBASE_URL`", "acme-web", "staging", "did you mean `DATABASE_URL`?", "unspoken set DATBASE_URL -e staging"];
  assert.throws(() => secrets.DATBASE_URL, raises("UNSPOKEN_MISSING", ...told));
  assert.throws(() => get("NOTHING_LIKE_IT"), (error) => !error.message.includes("did you mean"));
  assert.throws(() => get("A\u001b[31m\n`B"), raises("UNSPOKEN_MISSING", "`A?[31m??B`"));
  assert.throws(() => get("X".repeat(100_000)), (error) => error.message.length < 400);
  restore();
});

test("both module systems share one reading", () => {
  const required = createRequire(import.meta.url)("unspoken");
  assert.equal(required.secrets, secrets);
  assert.equal(required.Secret, (0, provideSecrets)({ A: "b" }) && get("A").constructor);
  assert.equal(required.get("A"), get("A"));
  assert.equal(required.UnspokenError, UnspokenError);
  provideSecrets({});
});

test("a bundle is read strictly, and no error quotes it", () => {
  const hidden = canary("strict");
  const wrong = [
    [`{"version":1,"secrets":{"A":"${hidden}"}`, "not JSON"],
    [`"${hidden}"`, "not a JSON object"],
    ["null", "not a JSON object"],
    [`{"version":2,"secrets":{"A":"${hidden}"}}`, "version 2"],
    [`{"version":"${hidden}","secrets":{}}`, "`version` is not the number 1"],
    ['{"version":0,"secrets":{}}', "`version` is not the number 1"],
    ['{"version":1.5,"secrets":{}}', "`version` is not the number 1"],
    ['{"version":1}', "`secrets` is not an object"],
    [`{"version":1,"secrets":["${hidden}"]}`, "`secrets` is not an object"],
    [`{"version":1,"secrets":{"${hidden}":1}}`, "`secrets` is not an object of texts"],
    [`{"version":1,"secrets":{},"token":["${hidden}"]}`, "`token` is not a text"],
    ['{"version":1,"secrets":{},"project":null}', "`project` is not a text"],
    ['{"version":1,"secrets":{},"revision":-1}', "`revision` is not a whole number"],
    ['{"version":1,"secrets":{},"revision":1.5}', "`revision` is not a whole number"],
    ['{"version":1,"secrets":{},"storages":[]}', "`storages` is not an object"],
    ['{"version":1,"secrets":{"A":"\\ud800"}}', "`secrets` is not an object of texts"],
    ['{"version":1,"secrets":{"A":"x\\udc00\\ud800"}}', "`secrets` is not an object of texts"],
    ['{"version":1,"secrets":{"\\udfff":"x"}}', "`secrets` is not an object of texts"],
    ['{"version":1,"secrets":{},"token":"\\ud800"}', "`token` is not a text"],
    [`{"version":1,"secrets":{${Array.from({ length: 100_001 }, (_, at) => `"N${at}":""`).join()}}}`, "more than 100000 secrets"],
    ["\ufeff{}", "not JSON"],
    ["", "already read by another process"],
  ];
  for (const [content, expected] of wrong) {
    for (const form of [content, Buffer.from(content)]) {
      const fits = (error) => error.message.includes(expected) && !error.message.includes(hidden);
      assert.throws(() => parseBundle(form), fits, content.slice(0, 200));
    }
  }
  assert.throws(() => parseBundle(Buffer.from([0x7b, 0xff])), /not UTF-8/);
  const whole = parseBundle('{"version":1,"secrets":{"\\ud83d\\ude00":"\\ud83d\\ude00"}}');
  assert.deepEqual(whole.secrets, [["\u{1f600}", "\u{1f600}"]]);
});

test("whatever the bytes are, a bundle is read or refused", () => {
  const sound = JSON.stringify({ version: 1, secrets: { A: "b", ["__proto__"]: "c" }, storages: { s: { k: [1] } } });
  let seed = 7;
  const random = (below) => (seed = (seed * 48_271) % 0x7fff_ffff) % below;
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(sound);
    for (let change = random(4); change >= 0; change--) bytes[random(bytes.length)] = random(256);
    try {
      const found = parseBundle(bytes.subarray(0, 1 + random(bytes.length)));
      assert.ok(found.secrets.every((pair) => pair.every((text) => typeof text === "string")));
    } catch (error) {
      assert.match(error.message, /^the bundle/);
    }
  }
});

test("a list of descriptors is numbers of 3 or more", () => {
  assert.deepEqual(parseDescriptors("UNSPOKEN_FD", "3,20"), [3, 20]);
  for (const list of ["", "three", "0,1,2", "3,", ",3", "3, 20", "+3", "-3", "3.5", "03", "0x3", "3e1", "3,2", "99999999999"]) {
    assert.throws(() => parseDescriptors("UNSPOKEN_FD", list), raises("UNSPOKEN_UNREADABLE", "`UNSPOKEN_FD`"), list);
  }
});

test("being ready takes a port", () => {
  ready(8080);
  for (const port of [0, -1, 65_536, 1.5, Number.NaN, "80"]) assert.throws(() => ready(port), RangeError);
});
