/** A real worker process, and the tests in the roles of its monitor and dispatcher. */

import assert from "node:assert/strict";
import { readInto, writeFrom } from "../../../../ffi/descriptor.ts";
import { killProcess, pidfdOpen, poll, waitChild } from "../../../../ffi/process.ts";
import { closeDescriptor, receiveRecord, sendRecord, socketPair } from "../../../../ffi/socket.ts";
import { startRole } from "../../../../services/host/monitor/start.ts";
import type { HostSettings, PamSettings } from "../../../../shared/config/host_settings.ts";
import { encodeJson } from "../../../../shared/protocol/codec.ts";
import type { ChannelExit, ChannelOpen } from "../../../../shared/protocol/channel.ts";
import { decodeLeaseAnswer, type LeaseOpen, plainGrant } from "../../../../shared/protocol/lease.ts";
import { maxRecordBytes } from "../../../../shared/protocol/limits.ts";
import {
  type Assign,
  decodeWorkerReply,
  encodeWorkerRequest,
  type WorkerReply,
  type WorkerRequest,
} from "../../../../shared/protocol/worker.ts";
import { openEnvelope, signEnvelope } from "../../../../shared/trust/envelope.ts";
import { deriveLeaseKeys, type Ephemeral, generateEphemeral } from "../../../../shared/trust/exchange.ts";
import {
  createFleetKey,
  type Identity,
  issueIdentity,
  readIdentity,
  readTrust,
  trustText,
} from "../../../../shared/trust/identity.ts";
import { ResponseCipher } from "../../../../shared/trust/responses.ts";
import { signRevocations } from "../../../../shared/trust/revocations.ts";
import { noAccounts } from "../../../support/accounts.ts";
import { inNamespace } from "../../../support/namespace.ts";
import { TestZygote } from "../zygote_kit.ts";

const patienceMs = 20_000;
const sigkill = 9;

/** A PAM stack that lets everybody in and writes down each call; `%` in it becomes the bench's folder. */
export const loggingStack = `
account required pam_exec.so quiet %/log.sh account
account required pam_permit.so
auth required pam_permit.so
session required pam_exec.so quiet %/log.sh session
session required pam_permit.so
`;

/** By the zygote, as a rule; by the monitor itself when there is none. */
export type Birth = "forked" | "spawned";

/** Settings over the bench's own. */
export type BenchChanges = Partial<Omit<HostSettings, "pam">> & { pam?: Partial<PamSettings> };

/** A host's files in a folder of their own: identity, trust, settings, PAM stacks. */
export class Bench implements Disposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "worker-" });
  readonly #gateway: Identity;
  readonly #fleetSecret: string;
  /** The gateway's half of the last request. */
  #asked: { ephemeral: Ephemeral; body: Uint8Array } | undefined;
  readonly #settings: HostSettings;
  #zygote: TestZygote | undefined;

  constructor(stack = loggingStack, changes: BenchChanges = {}) {
    if (!inNamespace()) {
      throw new Error("Cannot log accounts in outside the test namespace: use `deno task test`");
    }
    const fleet = createFleetKey();
    this.#fleetSecret = fleet.secret;
    this.#gateway = readIdentity(issueIdentity(fleet.secret, "gateway", "gw1"));
    Deno.chmodSync(this.folder, 0o755);
    Deno.writeTextFileSync(this.path("identity.json"), issueIdentity(fleet.secret, "host", "web1"));
    Deno.writeTextFileSync(this.path("trust.json"), trustText(fleet.publicKey));
    this.write(
      "log.sh",
      `#!/bin/sh\necho "$PAM_TYPE $PAM_USER $PAM_RHOST $TELEPORT_USERNAME $PAM_TTY $TELEPORT_ROLES" >> ${
        this.path("pam.log")
      }\n`,
      0o755,
    );
    Deno.mkdirSync(this.path("pam.d"));
    this.write("pam.d/bench", stack.replaceAll("%", this.folder));
    this.#settings = {
      name: "web1",
      dispatcherUid: 65_000,
      dispatcherGid: 65_000,
      identityFile: this.path("identity.json"),
      trustFile: this.path("trust.json"),
      revocationsFile: this.path("host.revocations"),
      runDirectory: this.path("run"),
      bus: { servers: [], nkeySeedFile: null, tls: null },
      warmWorkers: 0,
      maxOpening: 1,
      maxLeases: 1,
      loginGraceMs: 10_000,
      hangupGraceMs: 500,
      closeTimeoutMs: 10_000,
      detachMs: 0,
      drainTimeoutMs: 0,
      sessionTimeoutMs: 10_000,
      openFilesSoft: 777,
      labels: {},
      labelCommands: {},
      certificates: {},
      labelUid: 64_124,
      allowLogins: null,
      denyLogins: [],
      reload: null,
      acceptEnv: ["LANG", "LC_*"],
      accounts: noAccounts,
      subsystems: { greet: "echo hello from $0" },
      logLevel: "info",
      logFormat: "json",
      ...changes,
      pam: {
        enabled: true,
        serviceName: "bench",
        confdir: this.path("pam.d"),
        usePamAuth: false,
        requirePamAuth: true,
        systemLogins: [],
        environment: {},
        ...changes.pam,
      },
    };
    this.write("settings.json", JSON.stringify(this.#settings));
  }

  path(name: string): string {
    return `${this.folder}/${name}`;
  }

  write(name: string, text: string, mode = 0o644): void {
    Deno.writeTextFileSync(this.path(name), text, { mode });
  }

  /** What the stack's log.sh wrote, line by line. */
  pamLog(): string[] {
    try {
      return Deno.readTextFileSync(this.path("pam.log")).split("\n").slice(0, -1);
    } catch {
      return [];
    }
  }

  /** PAM_TYPE of each line of {@link pamLog}. */
  pamCalls(): (string | undefined)[] {
    return this.pamLog().map((line) => line.split(" ")[0]);
  }

  journal(): string[] {
    try {
      return Deno.readDirSync(this.path("run/leases")).map(({ name }) => name).toArray();
    } catch {
      return [];
    }
  }

  envelope(login: string, changes: Partial<LeaseOpen> = {}): Uint8Array<ArrayBuffer> {
    const ephemeral = generateEphemeral();
    const request: LeaseOpen = {
      type: "lease.open.v1",
      lease: assigned.lease,
      gateway: "gw1",
      gatewayBoot: "9".repeat(32),
      host: "web1",
      boot: assigned.boot,
      expiresAt: Date.now() + 30_000,
      key: ephemeral.publicKey,
      suites: ["chacha20-poly1305"],
      login,
      user: "ada@example.org",
      roles: ["dev", "ops"],
      logins: ["*", "root"],
      deniedLogins: [],
      grant: plainGrant,
      traits: { team: ["web", "db"] },
      pamAuth: "host-decides",
      purpose: "login",
      session: 0,
      method: "publickey",
      fingerprint: "SHA256:x",
      client: { address: "192.0.2.7", port: 50_123, serverAddress: "192.0.2.1", serverPort: 2222 },
      ...changes,
    };
    this.#asked = { ephemeral, body: encodeJson(request) };
    return signEnvelope(this.#gateway, request);
  }

  /** A list that revokes the bench's gateway, or nobody; signed by the fleet unless told otherwise. */
  revocations(serial: number, isRevoked: boolean, secret = this.#fleetSecret): string {
    const revoked = isRevoked ? [this.#gateway.credential.publicKey] : [];
    return signRevocations(secret, { serial, issuedAt: Date.now(), revoked });
  }

  /** What the gateway seals answers with, once the worker has answered the last request. */
  responses(answer: Uint8Array): ResponseCipher {
    const trust = readTrust(Deno.readTextFileSync(this.path("trust.json")));
    const { body } = openEnvelope(answer, trust, "host", "lease.answer.v1");
    const keys = deriveLeaseKeys({
      privateKey: this.#asked!.ephemeral.privateKey,
      peerKey: decodeLeaseAnswer(body).key,
      openBody: this.#asked!.body,
      answerBody: body,
    });
    return new ResponseCipher(keys.responses);
  }

  /** A worker that waits for `assign`. */
  start(birth: Birth = "forked"): Worker {
    if (birth === "spawned") {
      return new Worker(this, (socket) => startRole("worker", [this.path("settings.json")], socket));
    }
    const zygote = this.#zygote ??= new TestZygote(this.path("settings.json"));
    return new Worker(this, (socket) => zygote.fork(socket));
  }

  /** A worker through PAM, with its lease accepted. */
  login(login: string, birth?: Birth): Worker {
    const worker = this.start(birth);
    worker.open(login);
    worker.expect("lease.answer");
    worker.expect("lease.accepted");
    return worker;
  }

  /** Runs the janitor for the bench's lease to its end. */
  clean(): void {
    const pid = startRole("worker", [this.path("settings.json"), "--janitor", assigned.lease]);
    assert.deepEqual(waitChild(pid), { code: 0 });
  }

  [Symbol.dispose](): void {
    this.#zygote?.[Symbol.dispose]();
    Deno.removeSync(this.folder, { recursive: true });
  }
}

const assigned: Omit<Assign, "now"> = { type: "assign", lease: "a".repeat(32), boot: "b".repeat(32) };
type Reply<T extends WorkerReply["type"]> = Extract<WorkerReply, { type: T }>;

/** One worker process. Disposing kills it if it still runs. */
export class Worker implements Disposable {
  readonly pid: number;
  /** PAM's notices so far. */
  readonly notices: string[] = [];
  /** Descriptors of the last `channel.opened`. */
  #descriptors: number[] = [];
  readonly #bench: Bench;
  readonly #socket: number;
  #responses: ResponseCipher | undefined;
  readonly #buffer = new Uint8Array(new ArrayBuffer(maxRecordBytes));
  #hasEnded = false;

  readonly #pidfd: number;

  /** @param start Starts the process on its end of the socket and gives its pid */
  constructor(bench: Bench, start: (socket: number) => number) {
    const [ours, theirs] = socketPair();
    this.#socket = ours;
    this.pid = start(theirs);
    // Before it can end: no child of ours, it leaves no zombie to be found later.
    this.#pidfd = pidfdOpen(this.pid);
    closeDescriptor(theirs);
    this.#bench = bench;
  }

  /** Assigns the bench's lease and asks for `login`. */
  open(login: string, changes: Partial<LeaseOpen> = {}): void {
    this.send({ ...assigned, now: Date.now() });
    this.send({ type: "lease.open", envelope: this.#bench.envelope(login, changes) });
  }

  /** Assigns a lease, and gives it a list of revoked members in its place. */
  update(list: string): void {
    this.send({ ...assigned, now: Date.now() });
    this.send({ type: "trust.update", list });
  }

  send(request: WorkerRequest | Assign): void {
    sendRecord(this.#socket, encodeWorkerRequest(request));
  }

  /** Answers the last prompt as the gateway does. */
  respond(...answers: string[]): void {
    const encoder = new TextEncoder();
    const responses = this.#responses!.seal(answers.map((text) => encoder.encode(text)));
    this.send({ type: "lease.responses", responses });
  }

  /** The next reply but notices and logs; null when the worker has closed its socket. */
  next(): WorkerReply | null {
    for (;;) {
      const [events] = poll([{ fd: this.#socket }], patienceMs);
      if (!events) throw new Error("Waited in vain for the worker's next reply");
      const received = receiveRecord(this.#socket, this.#buffer);
      if (received === null || received === "again") return null;
      const reply = decodeWorkerReply(this.#buffer.subarray(0, received.length));
      if (received.descriptors.length > 0) this.#descriptors = received.descriptors;
      if (reply.type === "lease.answer") this.#responses = this.#bench.responses(reply.envelope);
      if (reply.type === "lease.notice") this.notices.push(reply.text);
      else if (reply.type !== "log") return reply;
    }
  }

  expect<T extends WorkerReply["type"]>(type: T): Reply<T> {
    const reply = this.next();
    assert.equal(reply?.type, type, JSON.stringify(reply));
    return reply as Reply<T>;
  }

  /** Opens a channel; `command` as text, none for a shell. */
  channel(number: number, changes: Partial<ChannelOpen> & { text?: string } = {}): Channel {
    const { text, ...rest } = changes;
    this.send({
      type: "channel.open",
      channel: number,
      kind: text === undefined ? "shell" : "exec",
      command: btoa(text ?? ""),
      terminal: null,
      environment: [],
      ...rest,
    });
    const { pid, tty } = this.expect("channel.opened");
    const descriptors = this.#descriptors;
    this.#descriptors = [];
    return new Channel(pid, tty, descriptors);
  }

  /** Runs a command on a channel of its own without terminal, to its end. */
  run(
    number: number,
    text: string,
    changes: Partial<ChannelOpen> = {},
  ): { output: string; exit: ChannelExit } {
    using channel = this.channel(number, { text, ...changes });
    const output = channel.read();
    return { output, exit: this.expect("channel.exited").exit };
  }

  /** Ends the lease in order and waits for the process. */
  close(): void {
    this.send({ type: "lease.close" });
    let reply;
    while ((reply = this.next()) !== null && reply.type !== "lease.closed");
    assert.equal(reply?.type, "lease.closed");
    this.waitForEnd();
  }

  /** Drops the socket, as a dying dispatcher does. */
  disconnect(): void {
    closeDescriptor(this.#socket);
  }

  /** Waits for the process, with patience but not for ever. */
  waitForEnd(): void {
    this.#hasEnded = true;
    const [events] = poll([{ fd: this.#pidfd }], patienceMs);
    closeDescriptor(this.#pidfd);
    if (!events) throw new Error(`Waited in vain for the end of process ${this.pid}`);
  }

  kill(): void {
    killProcess(this.pid, sigkill);
    this.waitForEnd();
  }

  [Symbol.dispose](): void {
    if (!this.#hasEnded) this.kill();
  }
}

/** The dispatcher's ends of one channel. Disposing closes them. */
export class Channel implements Disposable {
  #isClosed = false;

  constructor(readonly pid: number, readonly tty: string, readonly descriptors: number[]) {}

  write(text: string): void {
    writeFrom(this.descriptors[0]!, new Uint8Array(new TextEncoder().encode(text)));
  }

  /** What the terminal or stdout gives up to its end, or until it contains `until`. */
  read(until?: string): string {
    const descriptor = this.tty === "" ? this.descriptors[1]! : this.descriptors[0]!;
    return readAll(descriptor, until);
  }

  readError(): string {
    return readAll(this.descriptors[2]!);
  }

  /** Closes the dispatcher's ends, which hangs a terminal up. */
  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const descriptor of this.descriptors) closeDescriptor(descriptor);
  }
}

function readAll(descriptor: number, until?: string): string {
  const buffer = new Uint8Array(new ArrayBuffer(65_536));
  const decoder = new TextDecoder();
  let text = "";
  while (until === undefined || !text.includes(until)) {
    const [events] = poll([{ fd: descriptor }], patienceMs);
    if (!events) throw new Error(`Waited in vain for ${JSON.stringify(until)} in ${JSON.stringify(text)}`);
    const length = readInto(descriptor, buffer);
    if (length === "end" || length === "again") return text;
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
  return text;
}
