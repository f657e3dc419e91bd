import { get, optional, secrets } from "unspoken";

export const typo = secrets.DATBASE_URL; // wrong: no such name
export const absent = secrets.SENTRY_DSN; // wrong: may be absent, ask `optional`
export const text: string = secrets.DATABASE_URL; // wrong: a secret is no text
export const unsure: string = optional("SENTRY_DSN").expose(); // wrong: may be undefined
export const asked = get("DATBASE_URL"); // wrong: no such name
export const maybe = optional("SENTRY"); // wrong: no such name
secrets.DATABASE_URL = secrets.DATABASE_URL; // wrong: read-only
export const right = secrets.DATABASE_URL.expose();
