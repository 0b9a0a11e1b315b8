// An authorization server (npm oidc-provider) on a free loopback port. Prints {"issuer", "jwks"} on one line and serves
// until standard input ends. A client named after a kind of token gets that kind at /token, by client credentials.
// Version 8 of the provider is the last that runs on Debian 12's Node 18.
import { webcrypto, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";

globalThis.crypto ??= webcrypto;
const { default: Provider } = await import("oidc-provider");
const { exportJWK, generateKeyPair, importJWK } = await import("jose");

const own = [];
for (const alg of ["ES384", "RS384", "RS256"]) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  own.push({ ...(await exportJWK(privateKey)), alg, use: "sig" });
}
const reader = await exportJWK(generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey);
const encrypt = { alg: "RSA-OAEP-256", enc: "A256GCM", key: await importJWK(reader, "RSA-OAEP-256"), kid: "reader" };
const secret = Buffer.alloc(48, 7);

// By client: how its tokens are signed, how long they live, and what else is changed before that.
const kinds = {
  es384: { sign: { alg: "ES384" } },
  rs384: { sign: { alg: "RS384" } },
  rs256: { sign: { alg: "RS256" } },
  hs256: { sign: { alg: "HS256", key: secret, kid: "secret" } },
  "as-made": { sign: { alg: "ES384" }, typ: "at+jwt" },
  encrypted: { sign: { alg: "ES384" }, encrypt },
  opaque: {},
  day: { sign: { alg: "ES384" }, seconds: 86400 },
  list: { sign: { alg: "ES384" }, claims: (all) => ({ aud: ["https://else.example.org", all.aud] }) },
  "no-jti": { sign: { alg: "ES384" }, claims: () => ({ jti: undefined }) },
  "other-issuer": { sign: { alg: "ES384" }, claims: () => ({ iss: "https://else.example.org" }) },
  past: { sign: { alg: "ES384" }, claims: (all) => ({ iat: all.iat - 900, exp: all.iat - 600 }) },
};

const server = createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, {
  jwks: { keys: own },
  clients: Object.keys(kinds).map((name) => ({
    client_id: name,
    client_secret: "for-tests-only",
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
  })),
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_, resource, client) => {
        const { sign, encrypt: to, seconds } = kinds[client.clientId];
        const format = sign ? "jwt" : "opaque";
        const jwt = sign && { sign, ...(to && { encrypt: to }) };
        return { scope: "call", audience: resource, accessTokenFormat: format, accessTokenTTL: seconds ?? 300, jwt };
      },
    },
  },
  formats: {
    customizers: {
      jwt: (_, token, made) => {
        const { typ = "JWT", claims = () => ({}) } = kinds[token.clientId];
        made.header = { typ };
        Object.assign(made.payload, claims(made.payload));
      },
    },
  },
});
server.on("request", provider.callback());
process.stdin.on("end", () => process.exit(0)).resume();
process.stdout.write(JSON.stringify({ issuer, jwks: `${issuer}/jwks` }) + "\n");
