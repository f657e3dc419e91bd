import { Secret, UnspokenError, get, optional, secrets } from "unspoken";

function connect(url: Secret): string {
  return url.expose();
}

try {
  connect(secrets.DATABASE_URL);
} catch (error) {
  if (error instanceof UnspokenError && error.code === "UNSPOKEN_MISSING") connect(new Secret("text"));
}

export const used: (Secret | undefined)[] = [get("lower"), optional("ANYTHING")];
