/**
 * A login that is only tried: the worker's own way through PAM, with every module's answer told, and closed again at
 * once. The modules really run.
 */

import type { HostSettings } from "../../../../shared/config/host_settings.ts";
import { messageText } from "../../../../shared/log_record.ts";
import type { DryRunMessage } from "../../../../shared/protocol/channel.ts";
import type { LeaseOpen } from "../../../../shared/protocol/lease.ts";
import { asProblem, describeCause } from "../cause.ts";
import { type Identity, resolveIdentity } from "../identity.ts";
import { logIn, type LoginReports } from "../login.ts";
import { type StartPam, withItems } from "../pam_session.ts";
import { askLibpam } from "./libpam_manners.ts";
import { Policy } from "./policy.ts";
import { Report } from "./report.ts";
import { makeStepFolder, removeStepFolder } from "./step_folder.ts";
import { SteppedPam } from "./stepped_pam.ts";

/**
 * Tries `open`, as far as its purpose says, and tells what it finds.
 */
export function dryRun(
  open: LeaseOpen,
  settings: HostSettings,
  tell: (found: DryRunMessage) => void,
): void {
  const report = new Report(tell);
  introduce(open, settings, report);
  tell({ type: "lease.tried", isLetIn: isLetIn(open, settings, report) });
}

function isLetIn(open: LeaseOpen, settings: HostSettings, report: Report): boolean {
  const folder = makeStepFolder(settings, open.lease);
  try {
    tryLogin(open, settings, folder, report);
    report.line("");
    const untried = open.purpose === "dry-run" ? " The session was not tried (--session)." : "";
    report.line(`${open.login} would be let in.${untried}`);
    return true;
  } catch (error) {
    const problem = asProblem(error);
    report.line("");
    report.line(`${open.login} would be refused, and read: ${problem.message}`);
    report.line(`The cause: ${describeCause(problem)}`);
    return false;
  } finally {
    removeStepFolder(settings, open.lease);
  }
}

function introduce({ login, user, roles, client }: LeaseOpen, { pam }: HostSettings, report: Report): void {
  const who = `${user}${roles.length > 0 ? ` (roles ${roles.join(", ")})` : ""}`;
  report.line(`${login} logs in as ${who} from ${client.address}.`);
  report.line(
    pam.enabled
      ? `The modules of the service ${pam.serviceName} really run: what creates accounts creates them.`
      : "PAM is off (ssh_service.pam.enabled): no module is asked.",
  );
}

/** The account stack has let the login in, and no more was asked. */
class AccountPassed extends Error {
  override name = "AccountPassed";
}

function tryLogin(
  open: LeaseOpen,
  settings: HostSettings,
  folder: string,
  report: Report,
): void {
  let identity: Identity | undefined;
  const start: StartPam = (items, conversation) => {
    const { service, login, confdir } = items;
    const manners = askLibpam(folder);
    const policy = new Policy({ serviceName: service, confdir }, manners);
    const pam = new SteppedPam({
      ...{ serviceName: service, login, confdir, conversation, policy, manners, folder, observer: report },
    });
    const { setCred } = pam;
    // The login's next step after it has the identity.
    pam.setCred = (flag) => {
      if (!identity) {
        identity = resolveIdentity(pam.getItem("user") ?? login);
        report.line("");
        report.line(describeIdentity(identity));
        if (open.purpose === "dry-run") throw new AccountPassed();
      }
      setCred(flag);
    };
    return withItems(pam, items);
  };
  const reports: LoginReports = {
    notify: () => {},
    log: (level, message, properties = {}) => {
      if (level !== "debug") report.line(messageText(message, properties));
    },
    onCloseFailure: (step, error) => report.line(`Cannot complete ${step}: ${describeCause(error)}`),
  };
  try {
    const login = logIn(open, settings, reports, start);
    report.line("");
    if (!identity) report.line(describeIdentity(login.identity));
    report.line(`${login.identity.login} has the groups ${login.groups.join(",")} in the session`);
    login[Symbol.dispose]();
  } catch (error) {
    if (!(error instanceof AccountPassed)) throw error;
  }
}

function describeIdentity({ login, uid, gid, groups, home, shell }: Identity): string {
  return `${login} is uid ${uid}, gid ${gid}, groups ${groups.join(",")}, home ${home}, shell ${shell}`;
}
