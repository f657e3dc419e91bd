import { type Bag, type Name, type Secret, get, info, isProbe, names, optional, ready, secrets, token } from "unspoken";
import { provideSecrets } from "unspoken/testing";

const url: string = secrets.DATABASE_URL.expose();
const also: Secret = get("DATABASE_URL");
const maybe: Secret | undefined = optional("SENTRY_DSN");
const known: Secret | undefined = optional("DATABASE_URL");
const listed: ("DATABASE_URL" | "SENTRY_DSN")[] = names();
const keys: (keyof Bag)[] = ["DATABASE_URL"];
const name: Name = "SENTRY_DSN";
const restore: () => void = provideSecrets({ DATABASE_URL: "x" }, { environment: "test" });
const probe: boolean = isProbe(token()?.expose());
ready(8080);
restore();

export const used = [url, also, maybe, known, listed, keys, name, probe, info().environment];
