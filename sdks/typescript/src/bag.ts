import { UnspokenError } from "./failure.js";
import { REDACTED, type Secret } from "./secret.js";
import type { SecretSet } from "./set.js";

/**
 * Names that the bag answers to. Everything else (`then`, `toJSON`, `$$typeof`,
 * symbols) is what frameworks ask any object for, and is answered as an object
 * without secrets would; `get(name)` reaches a secret of such a name.
 */
const NAME = /^[A-Z][A-Z0-9_]*$/;

/** Secrets as properties. The proxy's target and handler hold no value, only a way to the set. */
export function makeBag(current: () => SecretSet): object {
  const listed = (): string[] => current().names().filter((name) => NAME.test(name));
  const find = (key: PropertyKey): Secret | undefined =>
    typeof key === "string" && NAME.test(key) ? current().optional(key) : undefined;
  const face = makeFace(listed);
  return new Proxy(face, {
    get: (face, key) => (typeof key === "string" && NAME.test(key) ? current().get(key) : Reflect.get(face, key)),
    has: (face, key) => find(key) !== undefined || Reflect.has(face, key),
    ownKeys: listed,
    getOwnPropertyDescriptor: (_, key) => {
      const value = find(key);
      return value && { value, enumerable: true, configurable: true, writable: false };
    },
    set: () => false,
    defineProperty: () => false,
    deleteProperty: () => false,
    setPrototypeOf: () => false,
    preventExtensions: () => false,
  });
}

/** What the bag shows of itself: the names. It never throws, since whoever logs it wants to see a log. */
function makeFace(listed: () => string[]): object {
  const names = (): string[] | undefined => {
    try {
      return listed();
    } catch (error) {
      if (error instanceof UnspokenError) return undefined;
      throw error;
    }
  };
  const text = (): string => {
    const shown = names();
    if (shown === undefined) return "Secrets (unreadable)";
    return shown.length === 0 ? "Secrets {}" : `Secrets { ${shown.map((name) => `${name}: ${REDACTED}`).join(", ")} }`;
  };
  const prototype: object = Object.create(null, {
    toString: { value: text },
    valueOf: { value: text },
    toJSON: { value: () => Object.fromEntries((names() ?? []).map((name) => [name, REDACTED])) },
    [Symbol.toPrimitive]: { value: text },
    [Symbol.toStringTag]: { value: "Secrets" },
    [Symbol.for("nodejs.util.inspect.custom")]: { value: text },
    [Symbol.for("Deno.customInspect")]: { value: text },
  });
  return Object.create(Object.freeze(prototype)) as object;
}
