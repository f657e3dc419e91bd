// What the server runs: the import stays an import, and reads when the server starts.
import { createHmac } from "node:crypto";
import { createServer } from "node:http";
import { ready, secrets } from "unspoken";

console.log("secrets:", secrets);

const server = createServer((request, response) => {
  const text = new URL(request.url, "http://localhost").searchParams.get("text") ?? "";
  response.end(createHmac("sha256", secrets.SIGNING_KEY.expose()).update(text).digest("hex"));
});

server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log("listening on", server.address().port);
  ready(server.address().port);
});
