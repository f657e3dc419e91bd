import { createHmac } from "node:crypto";
import { secrets } from "unspoken";

/** A route handler: it uses the secret and does not show it. */
export async function GET(request) {
  const text = new URL(request.url).searchParams.get("text") ?? "";
  return Response.json({ mac: createHmac("sha256", secrets.SIGNING_KEY.expose()).update(text).digest("hex") });
}
