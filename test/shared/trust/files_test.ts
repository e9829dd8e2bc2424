import assert from "node:assert/strict";
import { loadIdentity, loadMembership, loadTrust } from "../../../shared/trust/files.ts";
import { createFleetKey, fleetPublicKey, issueIdentity, trustText } from "../../../shared/trust/identity.ts";

const fleet = createFleetKey();
const bearer = { kind: "host", name: "web1" } as const;
const issue = "sallyport keys add-host web1";

function withFile(content: string | null, action: (file: string) => void): void {
  const folder = Deno.makeTempDirSync();
  const file = `${folder}/some.file`;
  try {
    if (content !== null) Deno.writeTextFileSync(file, content);
    action(file);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("fleetPublicKey() gives what createFleetKey() gave", () => {
  assert.equal(fleetPublicKey(`${fleet.secret}\n`), fleet.publicKey);
});

Deno.test("loadIdentity() takes the bearer's own identity", () => {
  withFile(issueIdentity(fleet.secret, "host", "web1"), (file) => {
    assert.equal(loadIdentity(file, bearer).credential.name, "web1");
  });
});

Deno.test("loadIdentity() names the file, what is wrong with it and what to do", () => {
  const good = issueIdentity(fleet.secret, "host", "web1");
  const other = JSON.parse(issueIdentity(fleet.secret, "host", "web1"));
  const cases: [content: string | null, sentence: RegExp][] = [
    [null, /^Cannot read FILE: there is no such file$/],
    ["", /^Cannot use FILE: Cannot read identity: it is not JSON; replace it: ISSUE$/],
    [good.slice(0, -40), /^Cannot use FILE: .*not JSON; replace it: ISSUE$/],
    ["{}", /^Cannot use FILE: Cannot read identity\.credential: .*; replace it: ISSUE$/],
    [
      JSON.stringify({ ...JSON.parse(good), privateKey: "AAAA" }),
      /^Cannot use FILE: [^\n]+; replace it: ISSUE$/,
    ],
    [
      JSON.stringify({ ...JSON.parse(good), privateKey: other.privateKey }),
      /^Cannot use FILE: .* does not fit its credential; replace it: ISSUE$/,
    ],
    [
      issueIdentity(fleet.secret, "gateway", "web1"),
      /^Cannot use FILE: it is the identity of the gateway web1, not of the host web1; .*ISSUE$/,
    ],
    [
      issueIdentity(fleet.secret, "host", "web2"),
      /^Cannot use FILE: it is the identity of the host web2, not of the host web1; .*ISSUE$/,
    ],
  ];
  for (const [content, sentence] of cases) {
    withFile(content, (file) => {
      assert.throws(() => loadIdentity(file, bearer), (error) => {
        const said = (error as Error).message.replaceAll(file, "FILE").replaceAll(issue, "ISSUE");
        assert.match(said, sentence);
        return true;
      });
    });
  }
});

Deno.test("loadMembership() refuses an identity that another fleet signed, or that is revoked", () => {
  const text = issueIdentity(fleet.secret, "host", "web1");
  const cases: [trust: string, why: RegExp | null][] = [
    [trustText(fleet.publicKey), null],
    [trustText(createFleetKey().publicKey), /: .*the fleet key did not sign it; replace one of them/],
    [trustText(fleet.publicKey, ["host:web1"]), /: .*it is revoked; replace one of them/],
  ];
  for (const [trust, why] of cases) {
    withFile(text, (identityFile) => {
      const trustFile = `${identityFile}.trust`;
      Deno.writeTextFileSync(trustFile, trust);
      const load = () =>
        loadMembership({ identityFile, trustFile, revocationsFile: `${trustFile}.none` }, bearer);
      if (why === null) assert.equal(load().trust.fleetKey, fleet.publicKey);
      else {
        assert.throws(load, why);
        assert.throws(
          load,
          (error) => (error as Error).message.startsWith(`Cannot use ${identityFile} with ${trustFile}: `),
        );
      }
    });
  }
});

Deno.test("loadTrust() names the file, what is wrong with it and what to do", () => {
  withFile(trustText(fleet.publicKey), (file) => assert.equal(loadTrust(file).fleetKey, fleet.publicKey));
  for (const content of ["", "{}", '{"fleetKey": "AAAA", "revoked": []}', "\xff"]) {
    withFile(content, (file) => {
      const start = `Cannot use ${file}: `;
      assert.throws(() => loadTrust(file), (error) => {
        const { message } = error as Error;
        return message.startsWith(start) && message.endsWith("sallyport keys init has made");
      });
    });
  }
  withFile(
    null,
    (file) => assert.throws(() => loadTrust(file), { message: `Cannot read ${file}: there is no such file` }),
  );
});
