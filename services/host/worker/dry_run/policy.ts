/** The stack of a service as libpam reads it, with every module's file and line. */

import type { PamSettings } from "../../../../shared/config/host_settings.ts";
import {
  type Entry,
  type Facility,
  readStack,
  type Resolve,
  type Stack,
} from "../../../../shared/pam/read_stack.ts";
import type { LibpamManners } from "./libpam_manners.ts";

/** Where Linux-PAM looks, in its order; a folder of the configuration stands for both. */
const systemFolders = ["/etc/pam.d", "/usr/lib/pam.d"];
/** What libpam takes for a facility that a service has no line of (pam.conf(5)). */
const fallbackService = "other";

export class Policy {
  readonly #own: Stack;
  readonly #fallback: Stack;

  /** Reads the files now; what changes later is not seen. */
  constructor(
    { serviceName, confdir }: Pick<PamSettings, "serviceName" | "confdir">,
    manners: LibpamManners,
  ) {
    const folders = confdir === null ? systemFolders : [confdir];
    const ofIncludes = manners.includesFollowConfdir ? folders : systemFolders;
    const read = (service: string) => {
      const found = find(service, folders);
      return readStack(found?.text ?? "", found?.file ?? service, (name) => find(name, ofIncludes));
    };
    this.#own = read(serviceName.toLowerCase()); // as pam_start folds it
    this.#fallback = read(fallbackService);
  }

  /** What libpam goes through for one facility. */
  entries(facility: Facility): Entry[] {
    const [own, fallback] = [this.#own, this.#fallback].map(({ entries }) =>
      entries.filter((entry) => entry.facility === facility)
    );
    return own!.length > 0 ? own! : fallback!;
  }
}

function find(service: string, folders: string[]): ReturnType<Resolve> {
  const paths = service.startsWith("/") ? [service] : folders.map((folder) => `${folder}/${service}`);
  return paths.map(readFile).find((found) => found !== null) ?? null;
}

function readFile(file: string): { file: string; text: string } | null {
  try {
    return { file, text: Deno.readTextFileSync(file) };
  } catch {
    return null;
  }
}
