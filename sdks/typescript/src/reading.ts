import { type Bundle, parseBundle } from "./bundle.js";
import { parseDescriptors, readListed } from "./descriptor.js";
import { BundleError, UnspokenError, end } from "./failure.js";
import { isWorker } from "./worker.js";

/**
 * What was read: a bundle, nothing (the process was not started by Unspoken),
 * or why there is none, which every access then raises.
 */
export type Reading =
  | { readonly kind: "bundle"; readonly bundle: Bundle }
  | { readonly kind: "outside" }
  | { readonly kind: "unreadable"; readonly message: string };

/**
 * Reads once. Two threads would each get a part of the pipe, and what a worker
 * thread is started with can be printed: so a worker neither reads nor is given
 * anything by itself. It is told so wherever the process runs, inside of
 * Unspoken or outside, since it cannot know what the main thread has found.
 */
export function read(): Reading {
  return isWorker() ? { kind: "unreadable", message: WORKER } : readProcess();
}

function readProcess(): Reading {
  const { env } = process;
  const [list, variable] = [env["UNSPOKEN_FD"], env["UNSPOKEN_BUNDLE"]];
  delete env["UNSPOKEN_BUNDLE"];
  try {
    const content = list === undefined ? undefined : readListed(parseDescriptors("UNSPOKEN_FD", list));
    if (content === undefined && variable === undefined) {
      // The variable stays: a child must fail as we do, and not believe itself outside.
      return list === undefined ? { kind: "outside" } : { kind: "unreadable", message: CLOSED };
    }
    delete env["UNSPOKEN_FD"];
    return { kind: "bundle", bundle: parseAndWipe(content ?? variable ?? "") };
  } catch (error) {
    if (error instanceof UnspokenError) return { kind: "unreadable", message: error.message };
    // The message of anything unforeseen could hold a part of the content.
    return end(error instanceof BundleError ? error.message : "the bundle could not be read");
  }
}

const WORKER =
  "worker threads have no secrets: expose those that this one needs in the main thread, pass them by `workerData`, " +
  "and wrap them again with `new Secret(text)`";

const CLOSED =
  "the descriptors listed in `UNSPOKEN_FD` are closed: something between `unspoken run` and this program closed them; " +
  "start the program directly, choose another number with `unspoken run --fd=N`, or ask `unspoken doctor`";

function parseAndWipe(content: Uint8Array | string): Bundle {
  try {
    return parseBundle(content);
  } finally {
    if (typeof content !== "string") content.fill(0);
  }
}
