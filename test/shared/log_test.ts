import assert from "node:assert/strict";

const log = new URL("../../shared/log.ts", import.meta.url).href;
const config = new URL("../../deno.json", import.meta.url).pathname;

/** Runs a program that logs, as one of our processes would. */
async function logging(
  statements: string,
  env: Record<string, string> = {},
): Promise<{ out: string; err: string }> {
  const program = `import { getLogger, setUpLogging } from "${log}";
    setUpLogging({ service: "gateway", level: "info", format: "auto" });
    const log = getLogger(["sallyport", "gateway"]);
    ${statements}`;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "-A",
      "--config",
      config,
      `data:application/typescript,${encodeURIComponent(program)}`,
    ],
    env: { NO_COLOR: "1", ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(code, 0, text(stderr));
  return { out: text(stdout), err: text(stderr) };
}

Deno.test("setUpLogging() writes JSON lines to stderr where that is no terminal, from the level on", async () => {
  const { out, err } = await logging(
    `log.debug("hidden"); log.warn("Lost {host}", { host: "web1", seed: "SUA" });`,
  );
  assert.equal(out, "");
  const lines = err.trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.length, 1);
  assert.equal(lines[0].level, "warning");
  assert.equal(lines[0].message, "Lost web1");
  assert.deepEqual(lines[0].properties, { host: "web1", seed: "(hidden)" });
});

Deno.test("setUpLogging() lets Deno's OpenTelemetry export every record when OTEL_DENO is set", async () => {
  const bodies: string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    if (new URL(request.url).pathname === "/v1/logs") bodies.push(await request.text());
    return new Response("{}", { headers: { "content-type": "application/json" } });
  });
  await logging(`log.error("Lost {host}", { host: "web1", password: "hunter2" });`, {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${server.addr.port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  });
  const exported = bodies.join("");
  assert.match(exported, /Lost web1/);
  assert.match(exported, /"severityText":\s*"ERROR"/);
  assert.ok(!exported.includes("hunter2"));
});
