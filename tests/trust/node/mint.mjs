// Tokens by npm jose: reads {aud, iss, now} on standard input, prints {jwks, tokens: [{name, good, token}]}.
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto;
const jose = await import("jose");
const { aud, iss, now } = JSON.parse(readFileSync(0, "utf8"));
const tokens = [];
const keys = [];
let count = 0;

const claims = (changes = {}) => {
  const all = { iss, aud, iat: now, exp: now + 300, jti: `jti-${count++}`, ...changes };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
};
const sign = (key, header, payload) => new jose.SignJWT(payload).setProtectedHeader(header).sign(key);
const add = (name, good, token) => tokens.push({ name, good, token });

for (const alg of ["ES384", "RS384", "RS256", "PS384", "ES256"]) {
  const { privateKey, publicKey } = await jose.generateKeyPair(alg, { extractable: true });
  const other = await jose.generateKeyPair(alg, { extractable: true });
  const jwk = await jose.exportJWK(publicKey);
  const kid = await jose.calculateJwkThumbprint(jwk);
  keys.push({ ...jwk, kid, alg, use: "sig" });
  const header = { alg, kid, typ: "JWT" };
  const allowed = alg === "ES384" || alg === "RS384";
  const make = (changes, more = {}) => sign(privateKey, { ...header, ...more }, claims(changes));
  add(`${alg} good`, allowed, await make());
  add(`${alg} aud list`, allowed, await make({ aud: ["https://else.example.org", aud] }));
  add(`${alg} without typ`, allowed, await make({}, { typ: undefined }));
  add(`${alg} nbf and sub`, allowed, await make({ nbf: now - 300, sub: "client" }));
  add(`${alg} long jti`, allowed, await make({ jti: "x".repeat(128) + alg }));
  add(`${alg} expired`, false, await make({ iat: now - 700, exp: now - 400 }));
  add(`${alg} future`, false, await make({ iat: now + 200 }));
  add(`${alg} nbf ahead`, false, await make({ nbf: now + 200 }));
  add(`${alg} too long a life`, false, await make({ exp: now + 4000 }));
  add(`${alg} wrong aud`, false, await make({ aud: `${aud}x` }));
  add(`${alg} wrong iss`, false, await make({ iss: "https://evil.example.org" }));
  for (const claim of ["iss", "aud", "exp", "iat", "jti"]) {
    add(`${alg} without ${claim}`, false, await make({ [claim]: undefined }));
  }
  add(`${alg} without kid`, false, await make({}, { kid: undefined }));
  add(`${alg} other key`, false, await sign(other.privateKey, header, claims()));
  add(`${alg} foreign jku`, false, await make({}, { jku: "https://evil.example.org/jwks.json" }));
  add(`${alg} own jwk`, false, await sign(other.privateKey, { ...header, jwk: await jose.exportJWK(other.publicKey) }, claims()));
  const pem = new TextEncoder().encode(await jose.exportSPKI(publicKey));
  add(`HS256 with the public key of ${alg}`, false, await sign(pem, { ...header, alg: "HS256" }, claims()));
}
add("none", false, new jose.UnsecuredJWT(claims()).encode());
process.stdout.write(JSON.stringify({ jwks: { keys }, tokens }));
