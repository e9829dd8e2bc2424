import assert from "node:assert/strict";
import { pathFromLoginDefs } from "../../../../services/host/worker/login_defs.ts";

const text = `# ENV_PATH PATH=/commented
ENV_SUPATH\tPATH=/usr/sbin:/sbin
ENV_PATH        /usr/bin:/bin
ENV_PATHOLOGY   /nowhere
`;

Deno.test("pathFromLoginDefs() reads ENV_PATH for accounts and ENV_SUPATH for root, with or without PATH=", () => {
  assert.equal(pathFromLoginDefs(text, 1000), "/usr/bin:/bin");
  assert.equal(pathFromLoginDefs(text, 0), "/usr/sbin:/sbin");
});

Deno.test("pathFromLoginDefs() falls back on sshd's paths when the file says nothing", () => {
  assert.equal(pathFromLoginDefs("", 1000), "/usr/local/bin:/usr/bin:/bin");
  assert.match(pathFromLoginDefs("", 0), /\/usr\/sbin/);
});
