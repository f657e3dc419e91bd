/**
 * The secrets that `unspoken run --fd` has handed to this process.
 *
 * They are read when this module is first imported, once, from a descriptor
 * that is then closed, and are held in memory only.
 *
 * @module
 */
import { parseDescriptors, writeListed } from "./descriptor.js";
import type { Secret as SecretValue, SecretConstructor } from "./secret.js";
import type { Info } from "./set.js";
import { shared } from "./shared.js";
import { isWorker } from "./worker.js";

export type { Info } from "./set.js";
export type { FailureCode } from "./failure.js";
export type { SecretConstructor } from "./secret.js";

/** A value that prints as `[REDACTED]`; its text comes from `expose()` alone. */
export type Secret = SecretValue;

/** Wraps a text of your own as a {@link Secret}. */
export const Secret: SecretConstructor = shared.Secret;

/** What asking for a secret raises. */
export const UnspokenError: typeof import("./failure.js").UnspokenError = shared.UnspokenError;
/** What asking for a secret raises. */
export type UnspokenError = import("./failure.js").UnspokenError;

/**
 * The names of your project, filled in by `unspoken generate typescript`.
 * While it is empty, every name is allowed.
 */
export interface Secrets {}

type Untyped = keyof Secrets extends never ? true : false;
type RequiredName = { [Name in keyof Secrets]-?: {} extends Pick<Secrets, Name> ? never : Name }[keyof Secrets];

/** A name that may be asked for: any text, until {@link Secrets} is filled in. */
export type Name = Untyped extends true ? string : keyof Secrets & string;

/** The type of {@link secrets}: what may be absent is not in it, ask {@link optional} for that. */
export type Bag = Untyped extends true
  ? { readonly [name: Uppercase<string>]: SecretValue }
  : { readonly [Name in RequiredName]: SecretValue };

/**
 * The secrets as properties: `secrets.DATABASE_URL.expose()`. A name that is not in the set is an error that says
 * what to do. It answers to names such as `DATABASE_URL` (capitals, digits and `_`); {@link get} reaches others.
 */
export const secrets: Bag = shared.bag as Bag;

/** The secret of this name, or an error that says what to do. */
export function get(name: Name): SecretValue {
  return shared.current().get(name);
}

/** The secret of this name, or nothing where the set has none or there is no set. */
export function optional(name: Name): SecretValue | undefined {
  return shared.current().optional(name);
}

/** The names of all secrets; none outside of Unspoken. */
export function names(): Name[] {
  return shared.current().names() as Name[];
}

/** Where the set comes from, and whether there is one at all. */
export function info(): Info {
  return shared.current().info();
}

/** This instance's own token, if something supervises it. */
export function token(): SecretValue | undefined {
  return shared.current().token();
}

/** Whether a text is this instance's token, so that the request that carries it is the supervisor's health probe. */
export function isProbe(text: string | null | undefined): boolean {
  const own = shared.current().token();
  return own !== undefined && typeof text === "string" && own.equals(text);
}

/** Tells whoever has started this process that it listens on `port`. Does nothing where nobody asked. */
export function ready(port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new RangeError("a port is a number from 1 to 65535");
  const list = process.env["UNSPOKEN_READY_FD"];
  // A worker thread has a copy of the variables; the descriptor is the main thread's to close.
  if (list === undefined || isWorker()) return;
  const descriptors = parseDescriptors("UNSPOKEN_READY_FD", list);
  delete process.env["UNSPOKEN_READY_FD"];
  writeListed(descriptors, `${port}\n`);
}
