/** The Debian packages the tests use, installed when they are missing. */

import { existsSync } from "node:fs";

/** What each is for stands beside it. */
export const debianPackages = [
  "ansible-core", // a client that does everything by ssh and sftp
  "docker-compose", // reads compose.yaml
  "dropbear-bin", // dbclient, another SSH client
  "faketime", // a host whose clock is wrong
  "iproute2", // ip, for the loopback of the test namespace
  "keyutils", // keyctl, which shows what pam_keyinit made
  "libpam-modules", // pam_exec, pam_motd, pam_limits, …
  "libpam-oath", // one-time codes
  "libpam-script", // the second of the two recipes
  "nats-server", // a real NATS beside the embedded broker
  "oathtool", // the codes themselves
  "openssh-client", // ssh, ssh-keygen
  "openssh-server", // the peer of `task bench`, started by the tests alone
  "openssl", // certificates for a bus with TLS
  "pamtester", // another program that runs PAM stacks
  "procps", // ps
  "putty-tools", // plink, yet another SSH client
  "rsync", // another client
  "sudo", // visudo, which checks sudoers
  "systemd", // systemd-analyze, which reads the example units
  "tcc", // a C compiler of a megabyte, for PAM modules that misbehave
  "tmux", // a real terminal to log in from
  "util-linux", // unshare, flock, setsid
  "vim-tiny", // a full-screen program
];

const policyFile = "/usr/sbin/policy-rc.d";
const noServices = "#!/bin/sh\n# Written by Sallyport's tests while they install packages.\nexit 101\n";

/** Installs what is missing, without starting any service of it. */
export function installDebianPackages(): void {
  const missing = debianPackages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  console.log(`Installing ${missing.join(", ")}`);
  const ours = !existsSync(policyFile);
  if (ours) Deno.writeTextFileSync(policyFile, noServices, { mode: 0o755 });
  try {
    run("apt-get", "-qq", "update");
    run("apt-get", "-qq", "-y", "--no-install-recommends", "install", ...missing);
    for (const unit of ["ssh", "nats-server"]) {
      if (missing.some((name) => name.includes(unit)) && existsSync("/run/systemd/system")) {
        run("systemctl", "disable", "--now", unit);
      }
    }
  } finally {
    if (ours) Deno.removeSync(policyFile);
  }
}

function isInstalled(name: string): boolean {
  const { stdout } = new Deno.Command("dpkg-query", {
    args: ["-W", "-f", "${db:Status-Abbrev}", name],
    stderr: "null",
  }).outputSync();
  return new TextDecoder().decode(stdout).startsWith("ii");
}

function run(command: string, ...args: string[]): void {
  const { success, code } = new Deno.Command(command, {
    args,
    env: { DEBIAN_FRONTEND: "noninteractive" },
    stdin: "null",
    stdout: "null",
    stderr: "inherit",
  }).outputSync();
  if (!success) throw new Error(`Cannot prepare the tests: ${command} ${args.join(" ")} ended with ${code}`);
}
