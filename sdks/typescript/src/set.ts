import type { Bundle } from "./bundle.js";
import { UnspokenError, shown } from "./failure.js";
import type { Reading } from "./reading.js";
import { RedactedSecret, type Secret } from "./secret.js";

/** What the set says of itself. Nothing of it is secret. */
export interface Info {
  /** Whether the process was not started by Unspoken; the rest is then empty. */
  readonly outside: boolean;
  readonly project: string;
  readonly environment: string;
  /** The environment's revision when it was opened. */
  readonly revision: number;
}

const NO_BUNDLE: Bundle = { project: "", environment: "", revision: 0, token: "", secrets: [] };

/** The secrets of this process, each wrapped once. */
export class SecretSet {
  readonly #unreadable: string | undefined;
  readonly #info: Info;
  readonly #secrets: ReadonlyMap<string, Secret>;
  readonly #token: Secret | undefined;

  constructor(reading: Reading) {
    const bundle = reading.kind === "bundle" ? reading.bundle : NO_BUNDLE;
    const { project, environment, revision } = bundle;
    this.#unreadable = reading.kind === "unreadable" ? reading.message : undefined;
    this.#info = Object.freeze({ outside: reading.kind === "outside", project, environment, revision });
    this.#secrets = wrapped(bundle.secrets);
    this.#token = bundle.token === "" ? undefined : new RedactedSecret(bundle.token);
  }

  get(name: string): Secret {
    const secret = this.optional(name);
    if (secret !== undefined) return secret;
    throw this.#info.outside ? outside(name) : this.#missing(name);
  }

  optional(name: string): Secret | undefined {
    this.#check();
    return this.#secrets.get(name);
  }

  names(): string[] {
    this.#check();
    return [...this.#secrets.keys()];
  }

  info(): Info {
    this.#check();
    return this.#info;
  }

  token(): Secret | undefined {
    this.#check();
    return this.#token;
  }

  #check(): void {
    if (this.#unreadable !== undefined) throw new UnspokenError("UNSPOKEN_UNREADABLE", this.#unreadable);
  }

  #missing(name: string): UnspokenError {
    const { project, environment } = this.#info;
    const near = nearest(name, this.#secrets.keys());
    const hint = near === undefined ? "" : ` did you mean \`${shown(near)}\`?`;
    const place = `project \`${shown(project)}\`, environment \`${shown(environment)}\``;
    const add = `unspoken set ${shown(name)}${environment === "" ? "" : ` -e ${shown(environment)}`}`;
    return new UnspokenError("UNSPOKEN_MISSING", `no secret \`${shown(name)}\` in ${place};${hint} add it with: ${add}`);
  }
}

function wrapped(texts: Bundle["secrets"]): ReadonlyMap<string, Secret> {
  return new Map(texts.map(([name, text]) => [name, new RedactedSecret(text)]));
}

function outside(name: string): UnspokenError {
  return new UnspokenError(
    "UNSPOKEN_OUTSIDE",
    `no secret \`${shown(name)}\`: this program was handed none; start it with: unspoken run --fd -- <program> (without --fd, run and dev set variables, which are not read here)`,
  );
}

/** The name that a third of a typing error leads to, if one does. */
function nearest(name: string, names: Iterable<string>): string | undefined {
  // Longer ones are no slip of a finger, and would cost time.
  if (name.length > 128) return undefined;
  let [near, least] = [undefined as string | undefined, Math.floor(name.length / 3) + 1];
  for (const other of names) {
    if (Math.abs(other.length - name.length) >= least) continue;
    const found = distance(name.toUpperCase(), other.toUpperCase());
    if (found < least) [near, least] = [other, found];
  }
  return near;
}

/** How many letters must be changed, added or left out. */
function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const kept = (row[j - 1] ?? 0) + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(kept, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
