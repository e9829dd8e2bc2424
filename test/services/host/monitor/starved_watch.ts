/** A process without a descriptor to spare that watches a child and a stranger; a program for start_test.ts. */

import { SystemError } from "../../../../ffi/errno.ts";
import { getLimit, killProcess, pidfdOpen, setLimit } from "../../../../ffi/process.ts";
import { closeDescriptor } from "../../../../ffi/socket.ts";
import { spawn } from "../../../../ffi/spawn.ts";
import { Loop } from "../../../../services/host/monitor/loop.ts";
import { watchChild, watchStranger } from "../../../../services/host/monitor/start.ts";

/** Descriptors from here on are out of reach. */
const limit = 3n;

const [stranger] = Deno.args.map(Number);
const child = spawn({
  path: "/bin/sh",
  argv: ["sh", "-c", "sleep 0.2; exit 5"],
  environment: [],
  stdio: { descriptors: [0, 1, 2] },
  newSession: false,
});
// Opens the libraries while that is possible.
killProcess(child, 0);
closeDescriptor(pidfdOpen(child));
setLimit("nofile", limit, getLimit("nofile").hard);
try {
  pidfdOpen(child);
  console.log("a descriptor was free");
} catch (error) {
  console.log((error as SystemError).errnoName);
}

const loop = new Loop();
let left = 2;
const done = (line: string) => {
  console.log(line);
  if (--left === 0) loop.stop();
};
watchChild(loop, child, (end) => done(`child ${JSON.stringify(end)}`));
watchStranger(loop, stranger!, () => done("stranger"));
killProcess(stranger!, 15);
loop.run();
