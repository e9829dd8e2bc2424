/** The system's login records as util-linux's utmpdump reads them. */

import { run } from "./command.ts";

/** One line of utmpdump(1). */
export interface DumpedRecord {
  /** ut_type: 6 LOGIN_PROCESS, 7 USER_PROCESS, 8 DEAD_PROCESS. */
  type: number;
  pid: number;
  id: string;
  user: string;
  line: string;
  host: string;
  address: string;
  time: string;
}

export const recordFiles = {
  utmp: "/run/utmp",
  wtmp: "/var/log/wtmp",
  btmp: "/var/log/btmp",
  lastlog: "/var/log/lastlog",
} as const;

/** All records of a file, in its order. */
export async function dumpRecords(file: string): Promise<DumpedRecord[]> {
  const { code, stdout, stderr } = await run(["utmpdump", file]);
  if (code !== 0) throw new Error(`utmpdump ${file}: ${stderr}`);
  return stdout.split("\n").filter((line) => line !== "").map((line) => {
    const fields = [...line.matchAll(/\[([^\]]*)\]/g)].map(([, field]) => field!.trim());
    const [type, pid, id, user, row, host, address, time] = fields;
    if (time === undefined) throw new Error(`Cannot read utmpdump's '${line}'`);
    return {
      type: Number(type),
      pid: Number(pid),
      id: id!,
      user: user!,
      line: row!,
      host: host!,
      address: address!,
      time,
    };
  });
}
