import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ServerChannel, Session } from "ssh2";
import { byte, string, uint32 } from "../../../../services/gateway/ssh2/messages.ts";
import {
  acceptLater,
  closeChannel,
  type DeferredChannel,
  type EnvironmentInfo,
  type ExecInfo,
  type PtyInfo,
  sendExit,
} from "../../../../services/gateway/ssh2/mod.ts";
import { type Flavour, onExec, RawClient, serve, ssh } from "./kit.ts";

/** Sends the requests and tells how a server answers each of them: `success`, `failure` or `nothing`. */
async function answersAfterStart(flavour: Flavour): Promise<{ answers: string[]; seen: string[] }> {
  const seen: string[] = [];
  await using server = await serve(
    flavour,
    onExec((accept, _command, session) => {
      accept().resume();
      for (const event of ["window-change", "signal", "break"]) {
        session.on(event as "signal", (accept: unknown, _reject, info) => {
          seen.push(`${event} ${JSON.stringify(info)}`);
          (accept as (() => void) | undefined)?.();
        });
      }
    }),
  );
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession();
  client.request(channel, "exec", true, string("cat"));
  await client.take(99);
  client.request(channel, "window-change", true, uint32(100), uint32(40), uint32(0), uint32(0));
  client.send(byte(96), uint32(channel));
  client.request(channel, "signal", true, string("TERM"));
  client.request(channel, "break", true, uint32(500));
  client.request(channel, "nonsense@test", true);
  await client.settled();
  const answers = client.received.filter(({ number }) => number === 99 || number === 100)
    .map(({ number }) => number === 99 ? "success" : "failure");
  return { answers, seen };
}

Deno.test("requests are seen and answered in order after the shell has started and after EOF", async () => {
  const { answers, seen } = await answersAfterStart("ours");
  assert.deepEqual(answers, ["success", "success", "success", "failure"]);
  assert.deepEqual(seen, [
    'window-change {"cols":100,"rows":40,"width":0,"height":0}',
    'signal {"name":"TERM"}',
    'break {"lengthMs":500}',
  ]);
});

Deno.test("stock ssh2 still leaves such requests without an answer", async () => {
  const { answers, seen } = await answersAfterStart("stock");
  assert.deepEqual(answers, []);
  assert.equal(seen.some((line) => line.startsWith("break")), false);
});

/** VINTR = 3, ECHO = 0, and a mode whose value has a non-zero top byte, as some clients send baud rates. */
const modes = Buffer.from("0100000003" + "3500000000" + "80ff000001" + "00", "hex");

async function requestPty(flavour: Flavour): Promise<{ info: PtyInfo | undefined; errors: string[] }> {
  let info: PtyInfo | undefined;
  await using server = await serve(flavour, (connection) => {
    connection.on("session", (accept) => {
      accept().on("pty", (accept, _reject, pty) => {
        info = pty as unknown as PtyInfo;
        accept?.();
      });
    });
  });
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession();
  const size = [uint32(80), uint32(24), uint32(640), uint32(480)];
  client.request(channel, "pty-req", true, string("xterm"), ...size, string(modes));
  await Promise.race([client.take(99), client.closed]).catch(() => {});
  return { info, errors: server.errors };
}

Deno.test("pty events carry the terminal modes as the client encoded them", async () => {
  const { info } = await requestPty("ours");
  assert.deepEqual(info, {
    term: "xterm",
    cols: 80,
    rows: 24,
    width: 640,
    height: 480,
    rawModes: new Uint8Array(modes),
  });
});

Deno.test("stock ssh2 still loses the terminal modes", async () => {
  const { info } = await requestPty("stock");
  assert.equal(info?.rawModes, undefined);
  assert.notDeepEqual(info && (info as unknown as { modes: object }).modes, { VINTR: 3, ECHO: 0 });
});

Deno.test("OpenSSH's own terminal modes arrive whole", async () => {
  let raw = new Uint8Array();
  await using server = await serve("ours", (connection) => {
    connection.on("session", (accept) => {
      const session = accept();
      session.on("pty", (accept, _reject, info) => {
        raw = (info as unknown as PtyInfo).rawModes as Uint8Array<ArrayBuffer>;
        accept?.();
      });
      session.on("exec", (accept) => {
        const channel = accept();
        sendExit(channel, { code: 0 });
        closeChannel(channel);
      });
    });
  });
  const { code } = await ssh(server.port, ["-tt", "true"]);
  assert.equal(code, 0);
  // Speeds at least, also without a local terminal: opcode and uint32 each, then TTY_OP_END
  assert.equal(raw.length % 5, 1);
  assert.equal(raw.at(-1), 0);
});

async function runBinary(flavour: Flavour): Promise<{ exec: ExecInfo | undefined; env: EnvironmentInfo[] }> {
  let exec: ExecInfo | undefined;
  const env: EnvironmentInfo[] = [];
  await using server = await serve(flavour, (connection) => {
    connection.on("session", (accept) => {
      const session: Session = accept();
      session.on("env", (accept, _reject, info) => {
        env.push(info as unknown as EnvironmentInfo);
        accept?.();
      });
      session.on("exec", (accept, _reject, info) => {
        exec = info as unknown as ExecInfo;
        accept().resume();
      });
    });
  });
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession();
  client.request(channel, "env", false, string("LANG"), string("C.UTF-8"));
  client.request(channel, "exec", true, string(Buffer.from("6c7320ff2f", "hex")));
  await client.take(99);
  return { exec, env };
}

Deno.test("exec events carry the command's bytes, env events key and value", async () => {
  const { exec, env } = await runBinary("ours");
  assert.equal(exec?.command, "ls \ufffd/");
  assert.equal(exec?.rawCommand.toHex(), "6c7320ff2f");
  assert.deepEqual(env, [{ key: "LANG", value: "C.UTF-8" }]);
});

Deno.test("stock ssh2 still decodes commands beyond recovery", async () => {
  const { exec } = await runBinary("stock");
  assert.equal(exec?.rawCommand, undefined);
});

Deno.test("acceptLater() keeps early data and answers when told, later requests waiting their turn", async () => {
  let deferred: DeferredChannel | undefined;
  await using server = await serve("ours", (connection) => {
    connection.on("session", (accept) => {
      const session = accept();
      session.on("exec", (accept) => deferred = acceptLater(accept));
      session.on("window-change", (accept) => (accept as unknown as () => void)?.());
    });
  });
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession();
  client.request(channel, "exec", true, string("cat"));
  client.request(channel, "window-change", true, uint32(1), uint32(1), uint32(0), uint32(0));
  client.send(byte(94), uint32(channel), string("early"));
  await client.settled();
  assert.equal(client.received.some(({ number }) => number === 99 || number === 100), false);
  assert.ok(deferred);
  assert.equal(deferred.channel.read().toString(), "early");
  deferred.fail();
  deferred.succeed();
  await client.settled();
  const answers = client.received.filter(({ number }) => number === 99 || number === 100);
  assert.deepEqual(answers.map(({ number }) => number), [100, 99]);
});

Deno.test("a deferred failure is what OpenSSH reports, and it exits", async () => {
  await using server = await serve("ours", (connection) => {
    connection.on("session", (accept) => {
      accept().on("exec", (accept: () => ServerChannel) => {
        const deferred = acceptLater(accept);
        setImmediate(() => {
          deferred?.fail();
          if (deferred) closeChannel(deferred.channel);
        });
      });
    });
  });
  const { code, stderr } = await ssh(server.port, ["true"]);
  assert.equal(code, 255);
  assert.match(stderr, /exec request failed on channel 0/);
});

Deno.test("a malformed request ends the connection with a protocol error", async () => {
  await using server = await serve("ours", onExec((accept) => accept().resume()));
  await using client = await new RawClient().connect(server.port).ready();
  const channel = await client.openSession();
  client.request(channel, "exec", true, uint32(99), byte(1));
  await client.closed;
  assert.deepEqual(server.errors, ["Cannot read a message: it is shorter than it says"]);
});
