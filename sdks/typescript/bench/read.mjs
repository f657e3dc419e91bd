// Prints what reading ten secrets costs inside of Node, in microseconds: each time a new process, the median of many.
// The importing of the modules is told apart, since it is the same with secrets and without.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROUNDS = 31;

if (process.argv[2] === "once") {
  await measure();
} else {
  const rounds = Array.from({ length: ROUNDS }, once);
  for (const what of ["reading", "importing"]) {
    const sorted = rounds.map((round) => round[what]).sort((left, right) => left - right);
    console.log(`${what}: ${sorted[ROUNDS >> 1]} µs (${sorted[0]} to ${sorted[ROUNDS - 1]})`);
  }
}

function once() {
  const secrets = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`SECRET_${at}`, `bench-${at}`.repeat(8)]));
  // A pipe of its own, since what Node gives a child as standard input is a socket.
  const script = 'cat | (exec 3<&0 9<&0 </dev/null; exec "$@")';
  const done = spawnSync("sh", ["-c", script, "sh", process.execPath, fileURLToPath(import.meta.url), "once"], {
    input: JSON.stringify({ version: 1, project: "acme-web", environment: "production", revision: 7, secrets }),
    env: { PATH: process.env.PATH, UNSPOKEN_FD: "3,9" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  return JSON.parse(done.stdout);
}

async function measure() {
  const clock = () => Number(process.hrtime.bigint()) / 1000;
  const start = clock();
  const { read } = await import("../dist/esm/reading.js");
  const { SecretSet } = await import("../dist/esm/set.js");
  const imported = clock();
  const set = new SecretSet(read());
  set.get("SECRET_9").expose();
  const end = clock();
  const told = { importing: imported - start, reading: end - imported };
  console.log(JSON.stringify(Object.fromEntries(Object.entries(told).map(([what, time]) => [what, Math.round(time)]))));
}
