/** The PATH a login starts with, from login.defs(5): ENV_PATH, and ENV_SUPATH for root. */

const loginDefsFile = "/etc/login.defs";
/** What sshd falls back on (Debian's DEFAULT_PATH and SUPERUSER_PATH). */
const userPath = "/usr/local/bin:/usr/bin:/bin";
const rootPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** PATH for `uid` by the text of login.defs; its value may or may not begin with `PATH=`. */
export function pathFromLoginDefs(text: string, uid: number): string {
  const key = uid === 0 ? "ENV_SUPATH" : "ENV_PATH";
  let path = "";
  for (const line of text.split("\n")) {
    const [word, value] = line.trim().split(/\s+/, 2);
    if (word === key && value) path = value.replace(/^PATH=/, "");
  }
  return path || (uid === 0 ? rootPath : userPath);
}

/** PATH for `uid` on this host; a host without login.defs has the built-in one. */
export function defaultPath(uid: number): string {
  let text = "";
  try {
    text = Deno.readTextFileSync(loginDefsFile);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return pathFromLoginDefs(text, uid);
}
