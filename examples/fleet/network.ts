/** The wires of the fleet: a bridge, and a pair of virtual Ethernet devices for each machine. */

import { must } from "./command.ts";

/** Bits of an address that are the network's. */
const prefixBits = 24;
let networks = 0;

/** One Ethernet with a bridge in the middle; whoever made it has the first address. */
export class Network {
  /** The first three numbers of every address. */
  readonly #base: string;
  readonly #bridge: string;
  #machines = 0;

  private constructor(number: number) {
    this.#base = `10.88.${number}`;
    this.#bridge = `fleet${number}`;
  }

  static async make(): Promise<Network> {
    const network = new Network(networks++);
    const bridge = network.#bridge;
    await must("ip", "link", "add", bridge, "type", "bridge");
    // A bridge has the address of one of its ports, unless it is given one: it would hear that port when it is cut.
    const hardware = `02:00:0a:58:${network.#base.split(".")[2]!.padStart(2, "0")}:01`;
    await must("ip", "link", "set", bridge, "address", hardware, "up");
    await must("ip", "address", "add", `${network.#base}.1/${prefixBits}`, "dev", bridge);
    return network;
  }

  /** The address of the `number`th machine, counted from 0. */
  address(number: number): string {
    return `${this.#base}.${number + 2}`;
  }

  /** The same, as ip-address(8) wants it. */
  withPrefix(address: string): string {
    return `${address}/${prefixBits}`;
  }

  /** Plugs `eth0` of the network namespace of `pid` into the bridge. */
  async plug(pid: number): Promise<Cable> {
    const port = `${this.#bridge}p${this.#machines++}`;
    await must("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", String(pid));
    await must("ip", "link", "set", port, "master", this.#bridge, "up");
    return new Cable(port);
  }

  /** Takes the bridge away, and its cables: those go with their machines, but not at once. */
  async remove(): Promise<void> {
    for (let number = 0; number < this.#machines; number++) {
      await must("ip", "link", "delete", `${this.#bridge}p${number}`).catch(() => {}); // Gone already.
    }
    await must("ip", "link", "delete", this.#bridge);
  }
}

/** States of a bridge's port, as in bridge(8). */
const [disabled, forwarding] = ["0", "3"];

/** The way of one machine to all others. */
export class Cable {
  constructor(readonly port: string) {}

  /** Nothing gets through any more, and nobody is told: packets are dropped, as behind a broken switch. */
  async cut(): Promise<void> {
    await must("bridge", "link", "set", "dev", this.port, "state", disabled!);
  }

  async mend(): Promise<void> {
    await must("bridge", "link", "set", "dev", this.port, "state", forwarding!);
  }
}
