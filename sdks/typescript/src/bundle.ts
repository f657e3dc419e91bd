import { BundleError } from "./failure.js";

/** The version of the bundle that this library reads. */
const VERSION = 1;

/** How many bytes a bundle may have. */
export const LARGEST = 64 * 1024 * 1024;

/** How many secrets it may have. */
const MOST = 100_000;

/** A bundle as it was sent: plain data, which only {@link Reading} may hold. */
export interface Bundle {
  readonly project: string;
  readonly environment: string;
  readonly revision: number;
  readonly token: string;
  readonly secrets: readonly (readonly [name: string, value: string])[];
}

/**
 * Reads a bundle strictly. What it says of a broken one names keys and types;
 * a parser's own message would quote the content, so it is dropped.
 */
export function parseBundle(content: Uint8Array | string): Bundle {
  if (content.length === 0) {
    throw new BundleError("the bundle was already read by another process: nothing is left of it");
  }
  if (content.length > LARGEST) throw new BundleError(`the bundle is larger than ${LARGEST} bytes`);
  const found = parseObject(typeof content === "string" ? content : decode(content));
  checkVersion(found["version"]);
  checkStorages(found);
  return {
    project: text(found, "project"),
    environment: text(found, "environment"),
    revision: revision(found),
    token: text(found, "token"),
    secrets: secrets(found),
  };
}

type Json = { readonly [key: string]: unknown };

function decode(content: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw new BundleError("the bundle is not UTF-8");
  }
}

function parseObject(content: string): Json {
  let found: unknown;
  try {
    found = JSON.parse(content);
  } catch {
    throw new BundleError("the bundle is not JSON");
  }
  if (!isObject(found)) throw new BundleError("the bundle is not a JSON object");
  return found;
}

function checkVersion(found: unknown): void {
  if (found === VERSION) return;
  if (typeof found === "number" && Number.isSafeInteger(found) && found > VERSION) {
    throw new BundleError(
      `the bundle has version ${found}, this library reads version ${VERSION}: update the package \`unspoken\``,
    );
  }
  throw wrong("version", `the number ${VERSION}`);
}

function text(found: Json, key: string): string {
  const value = own(found, key, "");
  if (!isText(value)) throw wrong(key, "a text");
  return value;
}

function revision(found: Json): number {
  const value = own(found, "revision", 0);
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw wrong("revision", "a whole number");
  }
  return value;
}

function secrets(found: Json): Bundle["secrets"] {
  const value = own(found, "secrets", undefined);
  if (!isObject(value)) throw wrong("secrets", "an object");
  const pairs = Object.entries(value);
  if (pairs.length > MOST) throw new BundleError(`the bundle has more than ${MOST} secrets`);
  return pairs.map(([name, value]) => {
    if (!isText(name) || !isText(value)) throw wrong("secrets", "an object of texts");
    return [name, value];
  });
}

/** Reserved, and nothing of ours yet; its shape counts all the same. */
function checkStorages(found: Json): void {
  if (!isObject(own(found, "storages", {}))) throw wrong("storages", "an object");
}

/** A key of the bundle; `constructor` and the like are none. */
function own(found: Json, key: string, absent: unknown): unknown {
  return Object.hasOwn(found, key) ? found[key] : absent;
}

/** Half of a pair of UTF-16 is no text in UTF-8, and is changed without a word wherever it is sent on. */
function isText(value: unknown): value is string {
  return typeof value === "string" && (value as string & { isWellFormed(): boolean }).isWellFormed();
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(key: string, expected: string): BundleError {
  return new BundleError(`the bundle's \`${key}\` is not ${expected}`);
}
