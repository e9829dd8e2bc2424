import assert from "node:assert/strict";
import { makeAccount, newLogin } from "../../../support/logins.ts";
import { Bench, loggingStack } from "./worker_kit.ts";

for (const birth of ["forked", "spawned"] as const) {
  Deno.test(`a ${birth} worker lives with a session that has less memory than it needs itself`, async () => {
    const login = newLogin();
    await makeAccount(login);
    using bench = new Bench(loggingStack + "session required pam_limits.so conf=%/limits.conf\n");
    bench.write("limits.conf", `${login} soft as 400000\n${login} soft data 100000\n`);
    using worker = bench.login(login, birth);
    for (let channel = 1; channel <= 5; channel++) {
      assert.equal(worker.run(channel, "ulimit -v; ulimit -d; exit 7").output, "400000\n100000\n");
    }
    using shell = worker.channel(6, { text: "read line; echo $line; exit 3" });
    shell.write("typed\n");
    assert.equal(shell.read(), "typed\n");
    assert.deepEqual(worker.expect("channel.exited").exit, { type: "exit", code: 3 });
    worker.close();
    assert.deepEqual(bench.pamCalls(), ["account", "open_session", "close_session"]);
  });
}
