/** What is printed in place of a value, everywhere. */
export const REDACTED = "[REDACTED]";

/**
 * A value that must not be seen.
 *
 * Its text comes from {@link Secret.expose} and from nowhere else: converted,
 * formatted, inspected, serialised or cloned it is `[REDACTED]`, or nothing.
 */
export interface Secret {
  /** Lends the plain text. Never log, store or format what this returns. */
  expose(): string;
  /** Whether both are the same text, in a time that does not tell where they differ. */
  equals(other: Secret | string): boolean;
  /** `[REDACTED]`. */
  toString(): string;
  /** `[REDACTED]`. */
  toJSON(): string;
}

/** Wraps a text of your own, for instance one that was fetched with a secret. */
export type SecretConstructor = new (text: string) => Secret;

/**
 * The text is a `#field`: no key, no descriptor, no inspection and no clone
 * reaches it. Two of them look alike to `deepEqual`; `equals` compares.
 */
export class RedactedSecret implements Secret {
  readonly #text: string;

  constructor(text: string) {
    // The text is named by its type alone: it may be the value, misplaced.
    if (typeof text !== "string") throw new TypeError(`a secret is a text, not ${typeof text}`);
    this.#text = text;
    Object.freeze(this);
  }

  expose(): string {
    return this.#text;
  }

  equals(other: Secret | string): boolean {
    const text = typeof other === "string" ? other : other.expose();
    const [ours, theirs] = [Buffer.from(this.#text), Buffer.from(text)];
    const same = sameBytes(ours, theirs);
    ours.fill(0);
    theirs.fill(0);
    return same;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  valueOf(): string {
    return REDACTED;
  }

  [Symbol.toPrimitive](): string {
    return REDACTED;
  }

  get [Symbol.toStringTag](): string {
    return "Secret";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return REDACTED;
  }

  [Symbol.for("Deno.customInspect")](): string {
    return REDACTED;
  }
}

// The class has no name of its own in messages such as "could not be cloned".
Object.defineProperty(RedactedSecret, "name", { value: "Secret" });
Object.freeze(RedactedSecret.prototype);

/** The loop runs over all of `theirs`, whatever it meets. */
function sameBytes(ours: Uint8Array, theirs: Uint8Array): boolean {
  let differ = ours.length ^ theirs.length;
  for (let at = 0; at < theirs.length; at++) {
    differ |= (ours[at % ours.length] ?? 0) ^ (theirs[at] ?? 0);
  }
  return differ === 0;
}
