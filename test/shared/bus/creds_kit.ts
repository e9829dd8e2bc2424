/** NATS in operator mode, without its tool nsc: tokens signed here (docs.nats.io, "JWT"), which nats-server takes as its own. */

import { createHash } from "node:crypto";
import { createAccount, createOperator, createUser, type KeyPair } from "@nats-io/nkeys";
import type { AllowList } from "../../../shared/protocol/subjects.ts";

const encoder = new TextEncoder();
const base64url = (bytes: Uint8Array) => bytes.toBase64({ alphabet: "base64url", omitPadding: true });
const json = (value: unknown) => base64url(encoder.encode(JSON.stringify(value)));

interface Claims {
  name: string;
  sub: string;
  nats: Record<string, unknown>;
}

function token(issuer: KeyPair, { name, sub, nats }: Claims): string {
  const claims = {
    jti: createHash("sha256").update(sub + name).digest("hex"),
    iat: Math.floor(Date.now() / 1_000),
    iss: issuer.getPublicKey(),
    name,
    sub,
    nats: { ...nats, version: 2 },
  };
  const signed = `${json({ typ: "JWT", alg: "ed25519-nkey" })}.${json(claims)}`;
  return `${signed}.${base64url(issuer.sign(encoder.encode(signed)))}`;
}

/** An operator with one account, and users of it. */
export class TestOperator {
  readonly #operator = createOperator();
  readonly #account = createAccount();

  /** For nats-server's configuration. */
  get config(): object {
    const account = this.#account.getPublicKey();
    const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1, leaf: -1 };
    const operator = this.#operator.getPublicKey();
    return {
      operator: token(this.#operator, { name: "test", sub: operator, nats: { type: "operator" } }),
      resolver: "MEMORY",
      resolver_preload: {
        [account]: token(this.#operator, {
          name: "fleet",
          sub: account,
          nats: { type: "account", limits: { ...unlimited, wildcards: true } },
        }),
      },
    };
  }

  /** Text of a .creds file, as `nsc generate creds` writes it. */
  creds(name: string, { publish, subscribe, responds }: AllowList): string {
    const user = createUser();
    const jwt = token(this.#account, {
      name,
      sub: user.getPublicKey(),
      nats: {
        ...{ type: "user", subs: -1, data: -1, payload: -1 },
        ...{ pub: { allow: publish }, sub: { allow: subscribe } },
        ...(responds && { resp: { max: 1, ttl: 30_000_000_000 } }),
      },
    });
    const seed = new TextDecoder().decode(user.getSeed());
    return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
${seed}
------END USER NKEY SEED------

*************************************************************
`;
  }
}
