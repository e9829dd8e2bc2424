import assert from "node:assert/strict";
import { Failure } from "../../../../services/cli/failure.ts";
import { makeFleetKey } from "../../../../services/cli/keys/fleet_key.ts";
import { openState } from "../../../../services/cli/start/state.ts";
import { readIdentities } from "../../../../services/cli/broker.ts";
import { loadIdentity, loadTrust } from "../../../../shared/trust/files.ts";
import { verifyCredential } from "../../../../shared/trust/identity.ts";
import { run } from "../../../support/command.ts";
import { freePort } from "../../../support/ports.ts";

const listen = { hostname: "127.0.0.1", port: freePort() };

/** A file system with room for so many files and folders and not one more. */
async function withFiles(count: number, folder: string): Promise<AsyncDisposable> {
  const options = `mode=0700,nr_inodes=${count + 1}`;
  const { code, stderr } = await run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]);
  assert.equal(code, 0, stderr);
  return {
    async [Symbol.asyncDispose]() {
      await run(["umount", folder]);
    },
  };
}

function mustBeWhole(folder: string): void {
  const trust = loadTrust(`${folder}/trust`);
  for (const [kind, name] of [["gateway", "gateway"], ["host", "local"]] as const) {
    verifyCredential(loadIdentity(`${folder}/${kind}.identity`, { kind, name }).credential, trust);
  }
  assert.equal(readIdentities(`${folder}/broker.identities`).length, 3);
  for (
    const name of ["id_ed25519", "id_ed25519.pub", "ssh_host_ed25519_key", "host.nkey", "sallyport.yaml"]
  ) {
    assert.notEqual(Deno.readTextFileSync(`${folder}/${name}`), "", name);
  }
}

Deno.test("openState() on a full disk says which file it cannot write, and goes on from there when there is room", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-full-" });
  try {
    let isDone = false;
    for (let count = 0; !isDone; count++) {
      assert.ok(count < 40, "openState() never has enough");
      await using _disk = await withFiles(count, folder);
      try {
        openState(folder, listen);
        isDone = true;
      } catch (cause) {
        assert.ok(cause instanceof Failure, `with room for ${count} files: ${cause}`);
        assert.match(cause.message, /^Cannot (write|make the folder) \S+: no space left on device$/);
        assert.ok(cause.message.includes(folder), cause.message);
        const { code, stderr } = await run(["mount", "-o", "remount,nr_inodes=100", folder]);
        assert.equal(code, 0, stderr);
        openState(folder, listen);
      }
      mustBeWhole(folder);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("makeFleetKey() makes the trust file of a fleet key that has none, and keeps one whose key is offline", () => {
  const folder = Deno.makeTempDirSync({ prefix: "sallyport-keys-" });
  try {
    makeFleetKey(folder);
    const [key, trust] = ["fleet.key", "trust"].map((name) => Deno.readTextFileSync(`${folder}/${name}`));
    Deno.removeSync(`${folder}/trust`);
    makeFleetKey(folder);
    assert.equal(Deno.readTextFileSync(`${folder}/trust`), trust);
    assert.equal(Deno.readTextFileSync(`${folder}/fleet.key`), key);
    Deno.removeSync(`${folder}/fleet.key`);
    makeFleetKey(folder);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["ssh_ca", "trust"]);
    assert.equal(Deno.readTextFileSync(`${folder}/trust`), trust);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
