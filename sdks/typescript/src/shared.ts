import { makeBag } from "./bag.js";
import type { Bundle } from "./bundle.js";
import { UnspokenError } from "./failure.js";
import { read } from "./reading.js";
import { RedactedSecret, type SecretConstructor } from "./secret.js";
import { SecretSet } from "./set.js";

/**
 * The one reading that all copies of this package share: a program may load it
 * as ESM and as CommonJS, and a bundler may put a copy into each of its chunks.
 * The first copy reads; the others use what it has.
 */
export interface Shared {
  readonly Secret: SecretConstructor;
  readonly UnspokenError: typeof UnspokenError;
  readonly bag: object;
  current(): SecretSet;
  /** Puts a set in place of the one that was read; gives back a way to undo it. */
  replace(bundle: Bundle): () => void;
}

const KEY = Symbol.for("unspoken/1");

type Holder = { [KEY]?: Shared };

/** The shared reading; the first to ask reads. */
export const shared: Shared = (globalThis as Holder)[KEY] ?? install();

function install(): Shared {
  let set = new SecretSet(read());
  const current = (): SecretSet => set;
  const replace = (bundle: Bundle): (() => void) => {
    const before = set;
    set = new SecretSet({ kind: "bundle", bundle });
    return () => {
      set = before;
    };
  };
  const made: Shared = Object.freeze({ Secret: RedactedSecret, UnspokenError, bag: makeBag(current), current, replace });
  // Not enumerable, so that printing `globalThis` does not walk into it.
  Object.defineProperty(globalThis, KEY, { value: made });
  return made;
}
