import assert from "node:assert/strict";
import { Console } from "node:console";
import { Writable } from "node:stream";
import { test } from "node:test";
import { format, formatWithOptions, inspect } from "node:util";
import v8 from "node:v8";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { Secret, get, names, optional, secrets } from "unspoken";
import { provideSecrets } from "unspoken/testing";
import { canary } from "./start.mjs";

const VALUE = canary("redaction");
const HOSTILE = { then: "T", toJSON: "J", $$typeof: "S", constructor: "C", __esModule: "E", toString: "X", lower: "L" };
const AWKWARD = Object.fromEntries(Object.entries(HOSTILE).map(([name, tag]) => [name, canary(tag)]));
provideSecrets({ DATABASE_URL: VALUE, API_KEY: VALUE, ["__proto__"]: VALUE, ...AWKWARD });

const secret = get("DATABASE_URL");
class Config {
  url = secret;
  #hidden = secret;
  all = secrets;
  get lazy() {
    return this.#hidden;
  }
}
const deep = { a: { b: { c: { d: { e: { f: secret } } } } } };
const SUBJECTS = {
  secret,
  bag: secrets,
  list: [secret, secrets],
  spread: { ...secrets },
  spreadSecret: { ...secret },
  assigned: Object.assign({}, secrets, secret),
  entries: Object.entries(secrets),
  map: new Map([[secret, secrets], ["key", secret]]),
  set: new Set([secret]),
  config: new Config(),
  deep,
  error: new Error(`failed for ${secret}`, { cause: { secret } }),
  aggregate: new AggregateError([secret], "many"),
  frozen: Object.freeze({ secret }),
  boxed: Object.create(secret),
  bound: secret.toJSON.bind(secret),
  proxied: new Proxy(secret, {}),
};

function logged(value, options) {
  let text = "";
  const stream = new Writable({ write: (chunk, _, done) => ((text += chunk), done()) });
  const log = new Console({ stdout: stream, stderr: stream, ...options });
  log.log(value);
  log.error("%s %o %O %j %d %i %f %c", value, value, value, value, value, value, value, value);
  log.table([value]);
  log.dir(value, { depth: null, showHidden: true, showProxy: true });
  log.group(value);
  return text;
}

function overMessage(value) {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(value);
  const { message } = receiveMessageOnPort(port2);
  port1.close();
  return inspect(message, { depth: null, showHidden: true });
}

function chain(value) {
  const found = [];
  for (let at = value; at !== null && at !== undefined; at = Object.getPrototypeOf(at)) {
    for (const key of Reflect.ownKeys(at)) found.push(String(key), inspect(Object.getOwnPropertyDescriptor(at, key)));
  }
  return found.join();
}

function walked(value) {
  const found = [];
  for (const key in value) found.push(key, String(value[key]));
  return found.join();
}

const WAYS = {
  string: (value) => String(value),
  template: (value) => `${value}`,
  plus: (value) => "" + value,
  number: (value) => String(+value),
  primitive: (value) => ["default", "string", "number"].map((hint) => value[Symbol.toPrimitive]?.(hint)).join(),
  valueOf: (value) => String(value.valueOf()),
  locale: (value) => value.toLocaleString(),
  tag: (value) => Object.prototype.toString.call(value),
  json: (value) => JSON.stringify(value),
  jsonReplaced: (value) => JSON.stringify(value, (key, inner) => inner),
  jsonHolder: (value) => JSON.stringify({ value }, function (key, inner) {
    return key === "value" ? { ...this[key], inner } : inner;
  }),
  jsonListed: (value) => JSON.stringify(value, ["DATABASE_URL", "url", "text", "#text"], 2),
  inspect: (value) => inspect(value),
  inspectAll: (value) => inspect(value, { depth: Infinity, showHidden: true, showProxy: true, colors: true, getters: true }),
  inspectRaw: (value) => inspect(value, { customInspect: false, depth: Infinity, showHidden: true, showProxy: true }),
  inspectFlat: (value) => inspect(value, { depth: 0, compact: false, sorted: true }),
  format: (value) => format("%s %d %i %f %j %o %O %c", value, value, value, value, value, value, value, value),
  formatColours: (value) => formatWithOptions({ colors: true, depth: -1 }, "%O", value),
  console: (value) => logged(value),
  consoleColours: (value) => logged(value, { colorMode: true, inspectOptions: { depth: Infinity, showHidden: true } }),
  keys: (value) => Object.keys(value).join(),
  values: (value) => Object.values(value).map(String).join(),
  own: (value) => chain(value),
  forIn: walked,
  clone: (value) => inspect(structuredClone(value), { depth: null, showHidden: true }),
  message: overMessage,
  serialized: (value) => v8.serialize(value).toString("latin1"),
  thrown: (value) => inspect(Object.assign(new Error(String(value)), { value })),
  rejected: (value) => {
    throw value;
  },
  equal: (value) => assert.equal(value, "something else"),
  deepEqual: (value) => assert.deepEqual({ value }, { value: { DATABASE_URL: 1 } }),
  deepStrict: (value) => assert.deepStrictEqual([value], [{}]),
  match: (value) => assert.match(value, /never/),
  url: (value) => new URL(value).href,
  query: (value) => new URLSearchParams({ value }).toString(),
  buffer: (value) => Buffer.from(value).toString(),
  regexp: (value) => new RegExp(value).source,
  call: (value) => value(),
  missing: (value) => value.nothing.here,
};

function outcome(way, value) {
  try {
    return String(way(value));
  } catch (error) {
    return [String(error?.message), String(error?.stack), inspect(error, { depth: Infinity, showHidden: true })].join("\n");
  }
}

for (const [how, way] of Object.entries(WAYS)) {
  test(`a value does not show: ${how}`, () => {
    for (const [what, subject] of Object.entries(SUBJECTS)) {
      const text = outcome(way, subject);
      for (const value of [VALUE, ...Object.values(AWKWARD)]) {
        assert.ok(!text.includes(value), `${what} shows a value`);
        assert.ok(!text.includes(Buffer.from(value).toString("base64").slice(0, 20)), `${what} shows it encoded`);
        assert.ok(!text.includes(Buffer.from(value, "utf16le").toString("latin1")), `${what} shows it in UTF-16`);
      }
    }
  });
}

test("the same ways do show a text that is no secret", () => {
  const shown = Object.entries(WAYS).filter(([, way]) => outcome(way, { DATABASE_URL: VALUE, url: VALUE }).includes(VALUE));
  // Otherwise the tests above would pass for whatever shows nothing at all.
  assert.ok(shown.length >= 20, `only ${shown.map(([how]) => how)}`);
});

test("what is shown in place of a value says so", () => {
  for (const text of [`${secret}`, JSON.stringify(secret), inspect(secret), `${secrets}`, inspect({ deep: { secrets } })]) {
    assert.match(text, /\[REDACTED\]/);
  }
  assert.equal(JSON.stringify({ secret }), '{"secret":"[REDACTED]"}');
  assert.equal(inspect(secrets), "Secrets { DATABASE_URL: [REDACTED], API_KEY: [REDACTED] }");
  assert.deepEqual(Object.keys(secrets), ["DATABASE_URL", "API_KEY"]);
  assert.equal(JSON.stringify(secrets), '{"DATABASE_URL":"[REDACTED]","API_KEY":"[REDACTED]"}');
});

test("the bag is no thenable and survives what frameworks ask", async () => {
  assert.equal(await secrets, secrets);
  assert.equal(await Promise.resolve(secrets), secrets);
  for (const key of ["then", "$$typeof", "__esModule", "nodeType", "asymmetricMatch", "_owner", "constructor", "lower"]) {
    assert.equal(secrets[key], undefined, key);
    assert.equal(key in secrets, false, key);
  }
  for (const key of [Symbol.iterator, Symbol.asyncIterator, Symbol.isConcatSpreadable]) assert.equal(secrets[key], undefined);
  assert.equal(secrets.__proto__, undefined);
});

test("a secret named like a method is reached by get alone", () => {
  for (const [name, value] of Object.entries(AWKWARD)) assert.equal(get(name).expose(), value);
  assert.equal(get("__proto__").expose(), VALUE);
  assert.equal(optional("hasOwnProperty"), undefined);
  assert.ok(names().includes("then"));
});

test("the bag and its secrets cannot be changed", () => {
  assert.throws(() => (secrets.DATABASE_URL = "x"), TypeError);
  assert.throws(() => delete secrets.DATABASE_URL, TypeError);
  assert.throws(() => Object.defineProperty(secrets, "X", { value: 1 }), TypeError);
  assert.throws(() => Object.setPrototypeOf(secrets, {}), TypeError);
  assert.throws(() => (secret.expose = () => "x"), TypeError);
  assert.throws(() => (Object.getPrototypeOf(secret).toString = () => "x"), TypeError);
});

test("secrets are compared by their texts", () => {
  assert.ok(new Secret("a").equals(new Secret("a")) && new Secret("").equals(""));
  for (const [left, right] of [["a", "b"], ["a", ""], ["", "a"], ["a", "aa"], ["aa", "a"], ["ab", "abab"]]) {
    assert.ok(!new Secret(left).equals(right), `${left} and ${right}`);
  }
  assert.throws(() => new Secret(7), /a secret is a text, not number/);
});
