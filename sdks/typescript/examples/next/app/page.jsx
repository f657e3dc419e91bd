import { connection } from "next/server";
import { info, names, secrets } from "unspoken";

/** A server component: names may be shown, and a value shows as [REDACTED] should one slip in. */
export default async function Page() {
  // Without this the page would be rendered by `next build`, where there are no secrets.
  await connection();
  return (
    <p>
      {info().environment}: {names().join(", ")}, {String(secrets.SIGNING_KEY)}
    </p>
  );
}
