import { getEnvironmentData, isMainThread, setEnvironmentData } from "node:worker_threads";
import { type Bundle, parseBundle } from "./bundle.js";
import { parseDescriptors, readListed } from "./descriptor.js";
import { BundleError, UnspokenError, end } from "./failure.js";

/**
 * What was read: a bundle, nothing (the process was not started by Unspoken),
 * or why there is none, which every access then raises.
 */
export type Reading =
  | { readonly kind: "bundle"; readonly bundle: Bundle }
  | { readonly kind: "outside" }
  | { readonly kind: "unreadable"; readonly message: string };

/** The key under which a worker thread finds what the main thread has read. */
const SHARED = "unspoken/1";

/**
 * Reads once. The main thread alone may do it, since two threads would each
 * get a part of the pipe; worker threads that start later are given the result.
 */
export function read(): Reading {
  if (!isMainThread) return readShared();
  const reading = readProcess();
  if (reading.kind !== "outside") setEnvironmentData(SHARED, reading as never);
  return reading;
}

function readShared(): Reading {
  const shared = getEnvironmentData(SHARED) as Reading | undefined;
  if (shared !== undefined) return shared;
  const { UNSPOKEN_FD, UNSPOKEN_BUNDLE } = process.env;
  if (UNSPOKEN_FD === undefined && UNSPOKEN_BUNDLE === undefined) return { kind: "outside" };
  const message =
    "this worker thread was started before the main thread had read the secrets: " +
    "import `unspoken` in the main thread first";
  return { kind: "unreadable", message };
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
