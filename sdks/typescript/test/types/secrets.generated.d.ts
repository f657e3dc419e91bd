// What `unspoken generate typescript` writes.
import "unspoken";
import type { Secret } from "unspoken";

declare module "unspoken" {
  interface Secrets {
    /** Where the data is. */
    readonly DATABASE_URL: Secret;
    readonly SENTRY_DSN?: Secret;
  }
}
