// Starts programs with a bundle on a true pipe, which Node itself does not make: what it gives a child is a socket.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";

/** A value that occurs nowhere else. */
export const canary = (tag) => `canary-${tag}-${randomUUID()}`;

export function bundle(secrets, rest = {}) {
  return { version: 1, project: "acme-web", environment: "production", revision: 7, token: "", secrets, ...rest };
}

/** Starts `command` with `content` on the descriptors 3 and 9. */
export function start(content, command, { variables = {}, cwd, script = 'exec "$@"' } = {}) {
  const pipe = `cat | (exec 3<&0 9<&0 </dev/null; ${script})`;
  const child = spawn("sh", ["-c", pipe, "sh", ...command], {
    cwd,
    // A group of its own, so that ending it ends what the shell has started.
    detached: true,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, UNSPOKEN_FD: "3,9", ...variables },
  });
  child.stdin.on("error", () => {}).end(typeof content === "string" ? content : JSON.stringify(content));
  return child;
}

/** Runs it to its end. */
export async function run(content, command, options) {
  const child = start(content, command, options);
  const streams = [child.stdout, child.stderr].map(collect);
  const code = await new Promise((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all(streams);
  return { code, stdout, stderr };
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
