"use client";
// This must not build: a secret has no business in a browser. Try it as `app/leaking/page.jsx`.
import { secrets } from "unspoken";

export default function Page() {
  return <p>{secrets.SIGNING_KEY.expose()}</p>;
}
