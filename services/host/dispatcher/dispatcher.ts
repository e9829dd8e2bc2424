/** The dispatcher: between a bus it does not trust and processes it may not start itself. */

import { Poller } from "../../../ffi/epoll.ts";
import type { Bus } from "../../../shared/bus/bus.ts";
import { isPrompt } from "../../../shared/bus/prompt.ts";
import { RevocationNews } from "../../../shared/bus/revocation_news.ts";
import type { HostSettings } from "../../../shared/config/host_settings.ts";
import { getLogger } from "../../../shared/log.ts";
import { silenceCheckMs } from "../../../shared/protocol/limits.ts";
import {
  allGatewayHeartbeats,
  certificateSubject,
  framesForHost,
  hostHeartbeatSubject,
  leaseOpenSubject,
} from "../../../shared/protocol/subjects.ts";
import type { MonitorMessage } from "../../../shared/protocol/worker.ts";
import { type FleetTrust, openRevocations } from "../../../shared/trust/revocations.ts";
import { closeDescriptor } from "../../../ffi/socket.ts";
import { Gateways } from "./gateways.ts";
import { Leases } from "./leases.ts";
import { MonitorLink } from "./monitor_link.ts";
import { TrustUpdate } from "./trust_update.ts";

export interface DispatcherOptions {
  settings: HostSettings;
  trust: FleetTrust;
  /** The socket to the monitor, the dispatcher's from here on. */
  monitorSocket: number;
}

/** How long a dispatcher whose monitor is gone waits for the gateways to learn of it. */
const farewellMs = 1_000;

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #log = getLogger(["sallyport", "dispatcher"]);
  readonly #poller = new Poller();
  readonly #monitor: MonitorLink;
  readonly #ended = Promise.withResolvers<void>();
  #bus: Bus | null = null;
  readonly #leases: Leases;
  #news: RevocationNews | null = null;
  readonly #trustUpdate: TrustUpdate;
  /** Number of the list of revoked members that root has kept. */
  #kept = 0;
  #boot: string | null = null;
  /** The monitor has said that it ends. */
  #isStopping = false;
  #heartbeat: Uint8Array | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    const { settings, trust } = options;
    // Before the link, whose first records may be there already.
    this.#trustUpdate = new TrustUpdate({
      poller: this.#poller,
      start: (id) => this.#monitor.start(id),
      trust,
      log: this.#log,
    });
    this.#monitor = new MonitorLink(this.#poller, options.monitorSocket, {
      onStarted: ({ type, lease }, socket) => {
        const known = this.#leases.get(lease);
        if (type === "worker.kept") this.#leases.keep(lease, socket);
        else if (this.#trustUpdate.isFor(lease)) this.#trustUpdate.workerStarted(socket);
        else if (known) known.workerStarted(socket);
        else closeDescriptor(socket);
      },
      onMessage: (message) => this.#onMonitorMessage(message),
      onEnd: (cause) => {
        if (!this.#isStopping) this.#log.warning("The monitor is gone", cause === null ? {} : { cause });
        this.#ended.resolve();
      },
    });
    this.#leases = new Leases({
      settings,
      trust,
      poller: this.#poller,
      monitor: this.#monitor,
      log: this.#log,
    });
  }

  /** Resolves when the monitor is gone. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Serves leases on `bus` until {@link ended}. */
  serve(bus: Bus): void {
    const { settings, trust } = this.#options;
    this.#bus = bus;
    const leases = this.#leases;
    const gateways = new Gateways(
      trust,
      (gateway, boot, why) => {
        this.#log.warning("Gateway {gateway} is lost: {why}", { gateway, why });
        leases.gatewayLost(gateway, boot);
      },
      (gateway, serial) => news.memberHas(gateway, serial),
      (gateway) => this.#bringCertificate(gateway),
    );
    const news = this.#news = new RevocationNews({
      bus,
      trust,
      onNewer: ({ serial }) => {
        this.#log.info("List {serial} of revoked members has come", { serial });
        leases.endRevoked();
        this.#trustUpdate.keep(this.#kept);
      },
      onWithheld: (gateway, serial) => {
        this.#log.warning(
          "Gateway {gateway} knows list {serial} of revoked members, which the bus has not brought here; look after the bus, or copy the list beside the trust file",
          { gateway, serial },
        );
      },
    });
    const requests = bus.subscribe(
      leaseOpenSubject(settings.name),
      (message) =>
        leases.onOpen(
          bus,
          message,
          this.#boot,
          (gateway, boot) => gateways.met(gateway, boot, performance.now()),
        ),
    );
    // From then on the bus itself says that nobody answers.
    this.#ended.promise.then(() => requests.unsubscribe());
    bus.subscribe(framesForHost(settings.name), (message) => leases.onFrame(message));
    bus.subscribe(allGatewayHeartbeats, ({ data }) => gateways.heard(data, performance.now()));
    bus.onState((state) => {
      this.#log.info("The bus is {state}", { state });
      leases.onBusState(state);
      if (state !== "up") return;
      gateways.excuse(performance.now());
      this.#publishHeartbeat();
    });
    const timer = setInterval(async () => {
      const isHeard = await isPrompt(bus);
      if (isHeard) gateways.check(performance.now());
      else gateways.excuse(performance.now());
    }, silenceCheckMs);
    this.#ended.promise.then(() => clearInterval(timer));
    this.#publishHeartbeat();
    // Those that live have beaten for this host's last process.
    for (const gateway of Object.keys(settings.certificates)) this.#bringCertificate(gateway);
    this.#log.info("Host {host} serves", { host: settings.name });
  }

  /** Ends every lease and tells the gateways why. */
  async close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const farewell = new Promise<void>((resolve) => timer = setTimeout(resolve, farewellMs));
    const ending = this.#leases.endAll("host-unreachable", "the host's service has stopped");
    await Promise.race([ending, farewell]);
    clearTimeout(timer);
    this.#monitor.close();
    await this.#bus?.close();
    this.#poller.close();
  }

  #onMonitorMessage(message: Exclude<MonitorMessage, { type: "worker.started" | "worker.kept" }>): void {
    switch (message.type) {
      case "worker.refused":
        if (this.#trustUpdate.isFor(message.lease)) return this.#trustUpdate.ended();
        return this.#leases.get(message.lease)?.deny(message.problem, "the monitor has refused");
      case "worker.gone":
        if (this.#trustUpdate.isFor(message.lease)) return this.#trustUpdate.ended();
        this.#log.debug("The worker of lease {lease} is gone", { lease: message.lease });
        return this.#leases.workerGone(message.lease);
      case "drain":
        return this.#leases.drain();
      case "heartbeat":
        this.#boot = message.boot;
        this.#kept = message.revocations;
        this.#heartbeat = Uint8Array.fromBase64(message.envelope);
        // Before there is a bus nothing can have come that root has not got.
        if (this.#news) this.#trustUpdate.keep(this.#kept);
        return this.#publishHeartbeat();
      case "revocations":
        return this.#onKept(message.list);
      case "stopping":
        this.#isStopping = true;
        return this.#log.info("The monitor stops, and the dispatcher with it");
      default:
        return message satisfies never;
    }
  }

  /** An administrator has brought it, or a worker has kept it. */
  #onKept(line: string): void {
    const { trust } = this.#options;
    try {
      const list = openRevocations(line, trust.fleetKey);
      if (this.#news) this.#news.tell(list);
      else trust.adopt(list);
    } catch (cause) {
      // The trust file is another fleet's since the host has started.
      this.#log.error("A list of revoked members is not this fleet's; restart the host", { cause });
    }
  }

  /** By it the gateway may answer for this host in `ssh -J`; what it has been brought before it has forgotten. */
  #bringCertificate(gateway: string): void {
    const { certificates, name } = this.#options.settings;
    if (!Object.hasOwn(certificates, gateway)) return;
    this.#bus?.publish(certificateSubject(gateway, name), Uint8Array.fromBase64(certificates[gateway]!));
  }

  #publishHeartbeat(): void {
    if (this.#heartbeat) {
      this.#bus?.publish(hostHeartbeatSubject(this.#options.settings.name), this.#heartbeat.slice());
    }
  }
}
