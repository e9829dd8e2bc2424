/** What the embedded broker needs to know. */

export interface BrokerSettings {
  /** Loopback address. */
  hostname: string;
  port: number;
  /** Who may connect: public nkeys with kind and name. */
  identitiesFile: string;
  /** Unprivileged numeric ids. */
  uid: number;
  gid: number;
  logLevel: "debug" | "info" | "warning" | "error";
  logFormat: "human" | "json" | "auto";
}
