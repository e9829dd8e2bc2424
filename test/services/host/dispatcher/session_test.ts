import assert from "node:assert/strict";
import { RecordKind } from "../../../../shared/protocol/channel.ts";
import { span, until } from "../../../support/wait.ts";
import { HostKit, terminal, TestChannel } from "../host_kit.ts";

Deno.test("A host serves sessions", async (t) => {
  await using host = await HostKit.start();
  const lease = await host.accepted();

  await t.step("a command's output, errors, EOF and exit status arrive, in this order", async () => {
    const channel = new TestChannel(lease, "echo out; echo err >&2; exit 7");
    assert.deepEqual(await channel.over, { type: "exit", code: 7 });
    assert.equal(channel.stdout, "out\n");
    assert.equal(channel.stderr, "err\n");
    assert.deepEqual(channel.records.slice(-3), [RecordKind.eof, RecordKind.message, RecordKind.close]);
  });

  await t.step("a signal that ended the command is named", async () => {
    const channel = new TestChannel(lease, "kill -TERM $$");
    assert.deepEqual(await channel.over, { type: "exit-signal", signal: "TERM", coreDumped: false });
  });

  await t.step("a PTY shows PAM's words once, before the shell, with a terminal's line ends", async () => {
    const shell = new TestChannel(lease, null, { terminal });
    shell.type("PS1=; stty -echo; echo first-$((40+2)); exit 3\n");
    assert.deepEqual(await shell.over, { type: "exit", code: 3 });
    assert.ok(shell.stdout.startsWith("Hello from PAM\r\n"), JSON.stringify(shell.stdout));
    assert.match(shell.stdout, /first-42/);
    const second = new TestChannel(lease, "echo only-this", { terminal });
    await second.over;
    assert.equal(second.stdout, "only-this\r\n");
  });

  await t.step("a change of the window reaches the process", async () => {
    const command = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done";
    const channel = new TestChannel(lease, command, { terminal });
    await channel.shows(/ready/);
    channel.channel.resize({ columns: 132, rows: 50, widthPx: 0, heightPx: 0 });
    assert.deepEqual(await channel.over, { type: "exit", code: 0 });
    assert.match(channel.stdout, /50 132/);
  });

  await t.step("input goes in, and its end with it", async () => {
    const channel = new TestChannel(lease, "sort");
    channel.type("b\na\n");
    channel.endInput();
    assert.deepEqual(await channel.over, { type: "exit", code: 0 });
    assert.equal(channel.stdout, "a\nb\n");
  });

  await t.step("signals reach the process group", async () => {
    const channel = new TestChannel(
      lease,
      "trap 'echo usr1; exit 5' USR1; echo ready; while :; do sleep 0.05; done",
    );
    await channel.shows(/ready/);
    channel.channel.signal("USR1");
    assert.deepEqual(await channel.over, { type: "exit", code: 5 });
    assert.equal(channel.stdout, "ready\nusr1\n");
  });

  await t.step("output that comes after the main process is still delivered", async () => {
    const channel = new TestChannel(lease, "(sleep 0.3; echo late) & echo early");
    assert.deepEqual(await channel.over, { type: "exit", code: 0 });
    assert.equal(channel.stdout, "early\nlate\n");
  });

  await t.step("a reader that stops stops the process, and loses nothing", async () => {
    const size = 20_000_000;
    const channel = new TestChannel(lease, `head -c ${size} /dev/zero; echo done >&2`);
    channel.isPaused = true;
    const held = await until("output to stop", async () => {
      const before = channel.stdoutBytes;
      await span(300);
      return channel.stdoutBytes === before && before;
    });
    assert.ok(held < 200_000, `${held} bytes came although none was taken`);
    assert.equal(channel.stderr, "");
    channel.resume();
    assert.deepEqual(await channel.over, { type: "exit", code: 0 });
    assert.equal(channel.stdoutBytes, size);
  });

  await t.step("a process that does not read stops the sender, and gets everything in the end", async () => {
    const flag = `${host.folder}/go`;
    const channel = new TestChannel(lease, `while [ ! -e ${flag} ]; do sleep 0.05; done; wc -c`);
    let sent = 0;
    const size = 3_000_000;
    const pump = () => {
      while (sent < size) {
        const { stream } = channel.channel;
        const filled = stream.fill(RecordKind.data, size - sent, (buffer) => buffer.fill(120).length);
        if (filled === 0) return;
        sent += filled;
      }
      channel.endInput();
    };
    channel.onWritable = pump;
    await channel.opened;
    pump();
    // A round trip later, whatever credit was going to come has come.
    await new TestChannel(lease, "true").over;
    assert.ok(sent > 65_536 && sent < 300_000, `${sent} bytes went although nobody reads`);
    Deno.writeTextFileSync(flag, "");
    assert.deepEqual(await channel.over, { type: "exit", code: 0 });
    assert.equal(channel.stdout, `${size}\n`);
  });

  await t.step("closing a channel hangs up its shell", async () => {
    const channel = new TestChannel(lease, "echo pid-$$; exec sleep 1000", { terminal });
    const [, pid] = await channel.shows(/pid-(\d+)/);
    channel.channel.close();
    await until("the shell to end", () => {
      try {
        Deno.statSync(`/proc/${pid}`);
        return false;
      } catch {
        return true;
      }
    });
  });

  await lease.close();
  await host.logged(/The worker of lease \w+ is gone/);
});

Deno.test("Closing a lease ends its terminals, and the worker exits", async () => {
  await using host = await HostKit.start();
  const lease = await host.accepted();
  const channel = new TestChannel(lease, "echo ready; trap '' HUP; while :; do sleep 0.1; done", {
    terminal,
  });
  await channel.shows(/ready/);
  await lease.close();
  await host.logged(/The worker of lease \w+ is gone/);
});
