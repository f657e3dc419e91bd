/**
 * Whether this thread is a worker.
 *
 * `node:worker_threads` would say so, but loading it costs every program half a
 * millisecond. Node, Bun and Deno take from its workers what would change the
 * whole process, and mark what stands in its place; the web workers of Bun and
 * Deno are told by what those have themselves.
 */
export function isWorker(): boolean {
  const { Bun } = globalThis as { Bun?: { isMainThread: boolean } };
  if (Bun !== undefined) return !Bun.isMainThread;
  const { disabled } = process.abort as { disabled?: boolean };
  return disabled === true || "DedicatedWorkerGlobalScope" in globalThis;
}
