/** The closed list of things that go wrong between the parts: a code for machines, a sentence for the person. */

/**
 * Problem codes with the sentence the person at the SSH client reads. The cause stays in the operator's log.
 * PROTOCOL.md lists every one of them.
 */
export const problems = {
  "access-denied":
    "This login is not permitted for you; ask the people who run this fleet for a role that allows it.",
  "login-closed": "This host lets nobody log in by this name; ask the host's administrator.",
  "idle-timeout": "Nothing was sent for as long as your roles allow, and the login has ended; log in again.",
  "session-expired": "The login has lasted as long as your roles allow, and has ended; log in again.",
  "authentication-failed": "Permission denied, please try again.",
  "authentication-unavailable":
    "This host does not authenticate through PAM; log in with a key, or ask the host's administrator.",
  "password-expired":
    "The password has expired and was not changed; log in again and change it, or ask the host's administrator.",
  "account-missing":
    "The account does not exist and the host's PAM stack did not create it; ask the host's administrator.",
  "account-not-made": "The host could not create the account; ask the host's administrator.",
  "account-refused": "The host's account rules refuse this login; ask the host's administrator.",
  "session-refused": "The host could not open a PAM session for this login; ask the host's administrator.",
  "pam-broken":
    "PAM on the host is not set up correctly; ask the host's administrator to run `sallyport doctor`.",
  "login-timeout":
    "The login took too long on the host and was ended; try again, then ask the host's administrator.",
  "worker-died":
    "The host's session process ended unexpectedly; log in again, and tell the host's administrator if it happens twice.",
  "host-unreachable": "The host does not answer; check its name, or try again when it is back.",
  "host-unknown": "No host of this name is known here; check its name, or whether its service runs.",
  "several-hosts": "Several hosts have these labels; name one of them, or add a label.",
  "no-such-labels":
    "No host that you may log in to has these labels; `ssh +hosts@gateway` lists those there are.",
  "command-unknown": "This gateway has no such command.",
  "command-denied": "This command is not permitted for you; ask the people who run this fleet.",
  "host-draining":
    "The host takes no new logins, since its service is about to stop; try again when it is back.",
  "host-busy": "The host is handling too many logins right now; try again in a moment.",
  "bus-down": "The gateway has lost its connection to the bus; try again in a moment.",
  "stale-boot": "The host has just restarted; try again.",
  "labels-changed": "The host has just come up or changed its labels; try again.",
  "not-trusted": "The host does not trust this gateway; ask the people who run this fleet.",
  "expired":
    "The request arrived too late at the host; try again, and check the clocks of gateway and host if it persists.",
  "replayed": "The request was already used once; log in again.",
  "malformed":
    "The host did not understand the gateway's request; gateway and host may be of different versions.",
  "shell-missing": "The account's login shell does not exist on the host; ask the host's administrator.",
  "spawn-failed": "The host could not start the command; try again, then ask the host's administrator.",
  "process-limit": "The account may not start more processes on the host; end some and try again.",
  "pty-failed": "The host could not allocate a terminal; try again, then ask the host's administrator.",
  "subsystem-unknown": "The host does not offer this subsystem.",
  "attach-off": "This host keeps no sessions of lost connections (host.detach); log in without +attach.",
  "attach-none": "There is no session of yours to take up here; log in without +attach.",
  "attach-which": "Several of your sessions are here; name one, as in LOGIN+HOST+attach=ID.",
  "attach-only": "This connection can only take up its session: once, by a shell on a terminal.",
  "session-taken": "The session was taken up by another connection of yours; it goes on there.",
  "only-jumps": "This connection only leads on to hosts: use it with `ssh -J`, or log in as LOGIN+HOST.",
  "no-forwarding": "Connections are not forwarded here; to go on to a host use `ssh -J +jump@GATEWAY`.",
  "channel-limit": "Too many sessions on this connection; close one, or open another connection.",
  "internal": "Something went wrong inside the service; try again, then ask the people who run this fleet.",
} as const;

export type Problem = keyof typeof problems;

export function isProblem(text: string): text is Problem {
  return Object.hasOwn(problems, text);
}

/** A failure that has a sentence for the person. Its `cause` is for the operator only. */
export class ProblemError extends Error {
  override name = "ProblemError";
  /**
   * @param problem Code for machines
   * @param detail What the person may see beside the sentence, such as a PAM module's own text
   */
  constructor(readonly problem: Problem, readonly detail?: string, options?: ErrorOptions) {
    super(detail ? `${problems[problem]} (${detail})` : problems[problem], options);
  }
}
