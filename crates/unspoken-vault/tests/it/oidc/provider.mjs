// A real provider for the tests: whoever says a name is that person, and a name that begins with
// `loose` has an address that nobody has looked at.
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

const [, , library, redirect, method] = process.argv;
const { Provider } = await import(pathToFileURL(library));
const server = createServer();

server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "the:vault",
      client_secret: process.env.CLIENT_SECRET,
      redirect_uris: [redirect],
      token_endpoint_auth_method: method,
    }],
    clientAuthMethods: [method],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["for tests"] },
    pkce: { required: () => true },
    findAccount: (_, name) => ({
      accountId: name,
      claims: () => ({ sub: name, email: `${name}@acme.example`, email_verified: !name.startsWith("loose") }),
    }),
  });
  server.on("request", provider.callback());
  process.stdout.write(`${issuer}\n`);
});

// It ends with who began it.
process.stdin.on("end", () => process.exit()).resume();
