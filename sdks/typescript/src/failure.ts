import { writeSync } from "node:fs";

/** Why a secret cannot be had. */
export type FailureCode =
  /** The process was not started by Unspoken. */
  | "UNSPOKEN_OUTSIDE"
  /** The set has no secret of that name. */
  | "UNSPOKEN_MISSING"
  /** Something closed the descriptors, the variable that lists them is malformed, or this is a worker thread. */
  | "UNSPOKEN_UNREADABLE";

/** What asking for a secret raises. The message holds names, never a value. */
export class UnspokenError extends Error {
  override readonly name = "UnspokenError";
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** A content that is no bundle. `reason` holds no part of the content. */
export class BundleError extends Error {}

/** The exit code of a process whose bundle is broken: `EX_CONFIG`. */
const BROKEN_BUNDLE = 78;

/** Ends the process: a program must not run with half of its secrets. */
export function end(reason: string): never {
  try {
    writeSync(2, `unspoken: ${reason}\n`);
  } catch {
    // Nobody listens; the exit code says it.
  }
  process.exit(BROKEN_BUNDLE);
}

/** A name as a message shows it: without control characters, and not endless. */
export function shown(name: string): string {
  const plain = name.replace(/[\p{C}\p{Z}`]/gu, "?");
  return plain.length > 80 ? `${plain.slice(0, 80)}…` : plain;
}
