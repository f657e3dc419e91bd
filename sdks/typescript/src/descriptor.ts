import {
  type Stats,
  closeSync,
  fstatSync,
  lstatSync,
  openSync,
  readSync,
  readdirSync,
  readlinkSync,
  statSync,
  writeSync,
} from "node:fs";
import { LARGEST } from "./bundle.js";
import { UnspokenError } from "./failure.js";

/**
 * Descriptors that the parent has left open for us, by number.
 *
 * A number alone proves nothing: where a launcher closed ours, the runtime has
 * put something of its own there, often a pipe. Reading that would hang, and
 * closing it would break the process. So a pipe is ours only if nobody in this
 * process holds its other end, and a memory file only if it has our name and
 * is sealed.
 */

/**
 * Deno numbers its files itself and reaches an inherited descriptor by its path
 * alone. It closes one only by a foreign call, where it is permitted to make
 * one; otherwise its children inherit the descriptor, emptied.
 */
const { Deno } = globalThis as { Deno?: DenoRuntime };

interface DenoRuntime {
  permissions: { querySync(what: { name: "ffi" }): { state: string } };
  dlopen(
    library: string,
    symbols: { close: { parameters: ["i32"]; result: "i32" } },
  ): { symbols: { close(descriptor: number): number }; close(): void };
}

const LAST = 0x7fff_ffff;
const FIRST = 16 * 1024;
const READ_ONLY = 0o400;
const WRITE_ONLY = 0o200;
const READ_AND_WRITE = 0o600;

/** Reads a list such as `3,20`. The standard streams are never ours. */
export function parseDescriptors(variable: string, list: string): number[] {
  const numbers = list.split(",").map(Number);
  // Printed again it must be the same text, since `Number` also takes blanks, signs and fractions.
  const plain = numbers.every((number) => Number.isInteger(number) && number >= 3 && number <= LAST);
  if (plain && numbers.join() === list) return numbers;
  throw new UnspokenError(
    "UNSPOKEN_UNREADABLE",
    `\`${variable}\` does not list descriptors: expected numbers of 3 or more, separated by commas`,
  );
}

/** The content of the first listed descriptor that holds a bundle; closes it wherever it is listed. */
export function readListed(list: readonly number[]): Uint8Array | undefined {
  for (const descriptor of list) {
    const pipe = pipeOnSeveral(descriptor, list);
    if (pipe !== undefined) {
      const content = reach(descriptor, "r", (opened) => readToEnd(opened, false));
      close(pipe);
      return content;
    }
    const target = link(descriptor);
    const memory = target.startsWith("/memfd:unspoken");
    if (memory && !isSealed(descriptor)) continue;
    const same = memory ? sameFile(descriptor, list) : ourPipe(descriptor, target, list, READ_ONLY);
    if (same === undefined) continue;
    try {
      const content = reach(descriptor, "r", (opened) => readToEnd(opened, memory));
      close(same);
      return content;
    } catch (error) {
      // Somebody's writing end: not ours to close, either.
      if (code(error) !== "EBADF") throw error;
    }
  }
  return undefined;
}

/** Writes to the first listed pipe and closes it wherever it is listed. */
export function writeListed(list: readonly number[], text: string): void {
  for (const descriptor of list) {
    const same = ourPipe(descriptor, link(descriptor), list, WRITE_ONLY);
    if (same === undefined) continue;
    try {
      reach(descriptor, "w", (opened) => patiently(() => writeSync(opened, text)));
    } catch (error) {
      if (code(error) === "EBADF") continue;
      // Who asked for it has gone; that is no failure of the program.
      if (code(error) !== "EPIPE") throw error;
    }
    close(same);
    return;
  }
}

/** Where a pipe of ours is listed; nothing if it is no pipe, or not ours. */
function ourPipe(descriptor: number, target: string, list: readonly number[], mode: number): number[] | undefined {
  // Pipes have a number that is theirs alone; what has a path, or no `/proc` to look at, costs a look more.
  const ends = target.startsWith("pipe:")
    ? openDescriptors().filter((other) => link(other) === target)
    : stat(descriptor)?.isFIFO() ? sameFile(descriptor, list) : [];
  const ours = ends.length > 0 && ends.every((end) => isOpenFor(end, mode));
  return ours ? ends.filter((end) => list.includes(end)) : undefined;
}

/**
 * A pipe that is on several of the listed numbers: only who made the list can
 * have put it there, so there is no need to look any further.
 */
function pipeOnSeveral(descriptor: number, list: readonly number[]): number[] | undefined {
  if (!stat(descriptor)?.isFIFO()) return undefined;
  const same = sameFile(descriptor, list);
  if (same.length < 2) return undefined;
  // The two ends of a pipe, which are made on neighbouring numbers, may be listed too. Looking costs as much as a read.
  const apart = Math.max(...same) - Math.min(...same) > 1;
  return apart || same.every((end) => isOpenFor(end, READ_ONLY)) ? same : undefined;
}

/**
 * Whether nobody can write to a memory file. The seals cannot be asked for from
 * JavaScript, so its own first byte is written over itself, which a sealed one
 * refuses and which changes nothing in another.
 */
function isSealed(descriptor: number): boolean {
  let file: number | undefined;
  const byte = new Uint8Array(1);
  try {
    file = openSync(path(descriptor), "r+");
    if (readSync(file, byte, 0, 1, 0) === 1) writeSync(file, byte, 0, 1, 0);
    return false;
  } catch (error) {
    return file !== undefined && code(error) === "EPERM";
  } finally {
    byte.fill(0);
    if (file !== undefined) closeSync(file);
  }
}

function sameFile(descriptor: number, list: readonly number[]): number[] {
  const file = stat(descriptor);
  return [...new Set(list)].filter((other) => {
    const found = stat(other);
    return found !== undefined && found.dev === file?.dev && found.ino === file.ino;
  });
}

function stat(descriptor: number): Stats | undefined {
  try {
    return Deno ? statSync(path(descriptor)) : fstatSync(descriptor);
  } catch {
    return undefined;
  }
}

function path(descriptor: number): string {
  return `/proc/self/fd/${descriptor}`;
}

function reach<T>(descriptor: number, flags: "r" | "w", use: (file: number) => T): T {
  if (!Deno) return use(descriptor);
  const file = openSync(path(descriptor), flags);
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}

/** What a descriptor leads to; empty where there is no `/proc`. */
function link(descriptor: number): string {
  try {
    return readlinkSync(path(descriptor));
  } catch {
    return "";
  }
}

/** The permissions of the link say how the descriptor was opened. */
function isOpenFor(descriptor: number, mode: number): boolean {
  try {
    return (lstatSync(path(descriptor)).mode & READ_AND_WRITE) === mode;
  } catch {
    return true;
  }
}

function openDescriptors(): number[] {
  try {
    return readdirSync("/proc/self/fd").map(Number);
  } catch {
    return [];
  }
}

/** Grows one array by doubling, and wipes what it outgrows. It ends one byte after what is allowed, which tells. */
function readToEnd(descriptor: number, fromStart: boolean): Uint8Array {
  let content = new Uint8Array(FIRST);
  for (let size = 0; ; ) {
    const count = patiently(() => readSync(descriptor, content, size, content.length - size, fromStart ? size : null));
    size += count;
    if (count === 0 || size > LARGEST) return content.subarray(0, size);
    if (size < content.length) continue;
    const larger = new Uint8Array(Math.min(2 * size, LARGEST + 1));
    larger.set(content);
    content.fill(0);
    content = larger;
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

function close(descriptors: readonly number[]): void {
  if (Deno) closeByForeignCall(Deno, descriptors);
  else descriptors.forEach((descriptor) => closeSync(descriptor));
}

function closeByForeignCall(deno: DenoRuntime, descriptors: readonly number[]): void {
  if (deno.permissions.querySync({ name: "ffi" }).state !== "granted") return;
  try {
    const libc = deno.dlopen("libc.so.6", { close: { parameters: ["i32"], result: "i32" } });
    for (const descriptor of descriptors) libc.symbols.close(descriptor);
    libc.close();
  } catch {
    // Another libc: the descriptors stay open, and empty.
  }
}

function code(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}
