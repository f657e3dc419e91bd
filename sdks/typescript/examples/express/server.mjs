// An Express server that signs what it is asked to sign. Start it with: unspoken run --fd -- node server.mjs
import { createHmac } from "node:crypto";
import express from "express";
import { info, isProbe, ready, secrets } from "unspoken";

const config = { port: Number(process.env.PORT ?? 3000), signingKey: secrets.SIGNING_KEY, all: secrets };
// The whole configuration may be logged: values are shown as [REDACTED].
console.log("configuration:", config);

const app = express();

app.get("/sign", (request, response) => {
  const text = String(request.query.text ?? "");
  const mac = createHmac("sha256", config.signingKey.expose()).update(text).digest("hex");
  response.json({ environment: info().environment, mac });
});

app.get("/health", (request, response) => {
  response.sendStatus(isProbe(request.get("x-unspoken-token")) ? 204 : 404);
});

const server = app.listen(config.port, "127.0.0.1", () => {
  const { port } = server.address();
  console.log("listening on", port);
  ready(port);
});
