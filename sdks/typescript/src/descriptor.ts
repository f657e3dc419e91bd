import { type BigIntStats, closeSync, fstatSync, readFileSync, readSync, readdirSync, readlinkSync, writeSync } from "node:fs";
import { BundleError, UnspokenError } from "./failure.js";

/**
 * Descriptors that the parent has left open for us, by number.
 *
 * A number alone proves nothing: where a launcher closed ours, the runtime has
 * put something of its own there, often a pipe. Reading that would hang, and
 * closing it would break the process. So a pipe is ours only if nobody in this
 * process holds its other end.
 */

const LARGEST = 64 * 1024 * 1024;
const CHUNK = 64 * 1024;
const READ_ONLY = 0;
const WRITE_ONLY = 1;
const ACCESS_MODE = 3;

/** Reads a list such as `3,20`. The standard streams are never ours. */
export function parseDescriptors(variable: string, list: string): number[] {
  const numbers = list.split(",").map((word) => (/^\d{1,9}$/.test(word) ? Number(word) : 0));
  if (numbers.every((number) => number >= 3)) return numbers;
  throw new UnspokenError(
    "UNSPOKEN_UNREADABLE",
    `\`${variable}\` does not list descriptors: expected numbers of 3 or more, separated by commas`,
  );
}

/** The content of the first listed descriptor that holds a bundle; closes it wherever it is listed. */
export function readListed(list: readonly number[]): Buffer | undefined {
  for (const descriptor of list) {
    const file = stat(descriptor);
    if (file === undefined) continue;
    const memory = isMemoryFile(descriptor);
    if (!memory && !isOurPipe(descriptor, file, READ_ONLY)) continue;
    try {
      return readToEnd(descriptor, memory);
    } finally {
      closeSame(list, file);
    }
  }
  return undefined;
}

/** Writes to the first listed pipe and closes it wherever it is listed. */
export function writeListed(list: readonly number[], text: string): void {
  for (const descriptor of list) {
    const file = stat(descriptor);
    if (file === undefined || !isOurPipe(descriptor, file, WRITE_ONLY)) continue;
    try {
      patiently(() => writeSync(descriptor, text));
    } catch (error) {
      // Who asked for it has gone; that is no failure of the program.
      if (code(error) !== "EPIPE") throw error;
    } finally {
      closeSame(list, file);
    }
    return;
  }
}

function stat(descriptor: number): BigIntStats | undefined {
  try {
    return fstatSync(descriptor, { bigint: true });
  } catch {
    return undefined;
  }
}

function isMemoryFile(descriptor: number): boolean {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`).startsWith("/memfd:unspoken");
  } catch {
    return false;
  }
}

function isOurPipe(descriptor: number, file: BigIntStats, mode: number): boolean {
  if (!file.isFIFO() || (accessMode(descriptor) ?? mode) !== mode) return false;
  return !openDescriptors().some((other) => {
    const found = stat(other);
    return found !== undefined && same(found, file) && (accessMode(other) ?? mode) !== mode;
  });
}

/** How a descriptor was opened; unknown where there is no `/proc`. */
function accessMode(descriptor: number): number | undefined {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "latin1"));
    return flags?.[1] === undefined ? undefined : Number.parseInt(flags[1], 8) & ACCESS_MODE;
  } catch {
    return undefined;
  }
}

function openDescriptors(): number[] {
  try {
    return readdirSync("/proc/self/fd").map(Number);
  } catch {
    return [];
  }
}

function readToEnd(descriptor: number, fromStart: boolean): Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for (;;) {
      const chunk = Buffer.allocUnsafeSlow(CHUNK);
      const count = patiently(() => readSync(descriptor, chunk, 0, CHUNK, fromStart ? size : null));
      if (count === 0) return Buffer.concat(chunks, size);
      chunks.push(chunk.subarray(0, count));
      size += count;
      if (size > LARGEST) throw new BundleError(`the bundle is larger than ${LARGEST} bytes`);
    }
  } finally {
    for (const chunk of chunks) chunk.fill(0);
  }
}

/** Another holder may have made the pipe non-blocking; then its moment is waited for. */
function patiently<T>(call: () => T): T {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (code(error) !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function closeSame(list: readonly number[], file: BigIntStats): void {
  for (const descriptor of new Set(list)) {
    const found = stat(descriptor);
    if (found !== undefined && same(found, file)) closeSync(descriptor);
  }
}

function same(left: BigIntStats, right: BigIntStats): boolean {
  return left.dev === right.dev && left.ino === right.ino;
}

function code(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
