// The probe of the conformance runner; what it must do stands in conformance/README.md. Run by Node, Bun and Deno.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { format, inspect } from "node:util";
import { serialize } from "node:v8";
import { Worker, isMainThread, parentPort } from "node:worker_threads";

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

if (isMainThread) {
  const [mode, child] = process.argv.slice(2);
  await { report, threads, ready }[mode](child);
} else {
  // `optional` gives nothing outside of Unspoken; here it must not.
  const { optional } = await import("unspoken");
  parentPort.postMessage(told(() => optional("DATABASE_URL"), "code"));
}

async function report(child) {
  try {
    process.stdout.write(JSON.stringify(await describe(child)));
  } catch (error) {
    process.stdout.write(JSON.stringify({ error: error.message }));
    process.exitCode = 1;
  }
}

async function describe(child) {
  const unspoken = await import("unspoken");
  const { get, info, names, optional, secrets, token } = unspoken;
  const read = () => JSON.stringify(names().map((name) => [name, get(name).expose()]));
  const first = read();
  const found = names().map((name) => {
    const text = get(name).expose();
    return [name, { bytes: Buffer.byteLength(text), sha256: sha256(text) }];
  });
  return {
    ...info(),
    token: token() === undefined ? "" : sha256(token().expose()),
    secrets: Object.fromEntries(found),
    missing: told(() => get("NO_SUCH_SECRET"), "message"),
    optional: optional("NO_SUCH_SECRET") === undefined,
    again: read() === first,
    printed: [secrets, unspoken, ...names().map(get), { secrets, all: names().map(get) }].flatMap(printed),
    variables: Object.keys(process.env).filter((name) => name.startsWith("UNSPOKEN_")),
    child: spawnSync(child, { encoding: "utf8" }).stdout.split("\n").filter((line) => line !== ""),
  };
}

function told(call, what) {
  try {
    return `gave ${call()}`;
  } catch (error) {
    return error[what];
  }
}

/** Everything that turns a value into text; what refuses to do so says why. */
function printed(value) {
  const ways = [
    () => String(Array.isArray(value) ? value : Object(value)),
    () => `${Object.values(value)}`,
    () => JSON.stringify(value),
    () => inspect(value, { depth: Infinity, showHidden: true, showProxy: true, colors: true }),
    () => inspect(value, { customInspect: false, showHidden: true, getters: true }),
    () => format("%s %o %O %j %d %i", value, value, value, value, value, value),
    () => inspect({ ...value }),
    () => inspect(structuredClone(value)),
    () => serialize(value).toString("latin1"),
    () => new Error("failed", { cause: value }).stack + inspect(new Error("failed", { cause: value })),
    () => globalThis.Deno?.inspect(value) ?? globalThis.Bun?.inspect(value) ?? "",
  ];
  return ways.map((way) => {
    try {
      return String(way());
    } catch (error) {
      return String(error.message);
    }
  });
}

/**
 * JavaScript has one thread that reads: the 64 are tasks of it, half of them in the other module system. The
 * workers have a copy of the variables, and must neither read nor be given anything.
 */
async function threads() {
  const require = createRequire(import.meta.url);
  const digest = ({ get, names }) => sha256(JSON.stringify(names().map((name) => [name, get(name).expose()])));
  const workers = Array.from({ length: 8 }, () => new Worker(new URL(import.meta.url)));
  const refused = workers.map((worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject)));
  // One is told so before anybody has read, the others at whatever moment.
  const early = await Promise.race(refused);
  const tasks = Array.from({ length: 64 }, async (_, at) => digest(at % 2 ? await import("unspoken") : require("unspoken")));
  const answers = await Promise.all(tasks);
  const others = [early, ...(await Promise.all(refused))].filter((told) => told !== "UNSPOKEN_UNREADABLE");
  process.stdout.write(JSON.stringify({ threads: answers.length, distinct: new Set([...answers, ...others]).size }));
}

async function ready() {
  const { ready } = await import("unspoken");
  ready(8080);
}
