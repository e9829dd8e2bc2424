import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { startBroker } from "../../../services/broker/broker.ts";
import { HostCertificates } from "../../../services/gateway/host_certificates.ts";
import { connectBus } from "../../../shared/bus/nats.ts";
import { createNkey } from "../../../shared/bus/nkeys.ts";
import { certificateSubject, gatewayAllowList, hostAllowList } from "../../../shared/protocol/subjects.ts";
import { signHostCertificate } from "../../../shared/trust/host_certificate.ts";
import { createFleetKey } from "../../../shared/trust/identity.ts";
import { until } from "../../support/wait.ts";

const fleet = createFleetKey();
const [own, others] = [createFleetKey().publicKey, createFleetKey().publicKey];

function certificate(hostKey: string, host: string, by = fleet.secret): Uint8Array<ArrayBuffer> {
  return signHostCertificate(by, { hostKey, principals: [host], keyId: host });
}

function line(host: string, blob: Uint8Array) {
  return { gateway: "gate", host, base64: blob.toBase64() };
}

Deno.test("HostCertificates takes those for this gateway's key and the host they are said to be for", () => {
  const certificates = new HostCertificates(fleet.publicKey, own);
  const good = certificate(own, "web-1");
  certificates.addAll([line("web-1", good)]);
  deepStrictEqual(certificates.for("web-1"), good);
  strictEqual(certificates.for("web-2"), null);
});

Deno.test("HostCertificates takes none of another fleet, gateway or host, and keeps the good one", () => {
  const good = certificate(own, "web-1");
  const wrong = {
    "another fleet": certificate(own, "web-1", createFleetKey().secret),
    "another gateway": certificate(others, "web-1"),
    "another host": certificate(own, "web-2"),
    "bytes behind it": Uint8Array.of(...good, 0),
    "nothing": new Uint8Array(0),
  };
  for (const [why, blob] of Object.entries(wrong)) {
    const empty = new HostCertificates(fleet.publicKey, own);
    empty.addAll([line("web-1", blob)]);
    strictEqual(empty.for("web-1"), null, why);
    const full = new HostCertificates(fleet.publicKey, own);
    full.addAll([line("web-1", good), line("web-1", blob)]);
    deepStrictEqual(full.for("web-1"), good, why);
  }
  const keyless = new HostCertificates(fleet.publicKey, null);
  keyless.addAll([line("web-1", good)]);
  strictEqual(keyless.for("web-1"), null);
});

Deno.test("HostCertificates hears of a host over the bus, which cannot bring another's", async () => {
  const folder = await Deno.makeTempDir({ prefix: "sallyport-certificates-" });
  const [gateKey, hostKey] = [createNkey(), createNkey()];
  const broker = startBroker({
    identities: [
      { publicKey: gateKey.publicKey, allow: gatewayAllowList("gate") },
      { publicKey: hostKey.publicKey, allow: hostAllowList("web-1") },
    ],
  });
  const join = async (name: string, { seed }: { seed: string }) => {
    const nkeySeedFile = `${folder}/${name}`;
    await Deno.writeTextFile(nkeySeedFile, seed);
    const settings = { servers: [broker.url], nkeySeedFile, tls: null };
    return await connectBus({ settings, name, onError: () => {} });
  };
  const [gate, host] = [await join("gate", gateKey), await join("web-1", hostKey)];
  const certificates = new HostCertificates(fleet.publicKey, own);
  certificates.listen(gate, "gate");
  await gate.flush();

  // In order: when the last has come, the others have come or were refused by the bus.
  host.publish(certificateSubject("gate", "web-2"), certificate(own, "web-2"));
  host.publish(certificateSubject("gate", "web-1"), certificate(own, "web-2"));
  host.publish(certificateSubject("gate", "web-1"), certificate(own, "web-1"));
  await until("the certificate of web-1 is there", () => certificates.for("web-1") !== null);
  strictEqual(certificates.for("web-2"), null);

  await host.close();
  await gate.close();
  await broker.close();
  await Deno.remove(folder, { recursive: true });
});
