/**
 * Whether this thread is a worker.
 *
 * `node:worker_threads` would say so, but loading it costs every program half a
 * millisecond. Node and Deno take from a worker what would change the whole
 * process, and mark what stands in its place; Deno's own workers are told by
 * their scope, and Bun says it.
 */
export function isWorker(): boolean {
  const { Bun } = globalThis as { Bun?: { isMainThread: boolean } };
  if (Bun !== undefined) return !Bun.isMainThread;
  const abort = process.abort as { disabled?: boolean } | undefined;
  return abort?.disabled === true || "DedicatedWorkerGlobalScope" in globalThis;
}
