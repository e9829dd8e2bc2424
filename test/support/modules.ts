/** PAM modules made for a test, in C: what Debian's do not do on purpose, such as to abort or to rename the login. */

import { run } from "./command.ts";

/** Declarations of <security/pam_modules.h> and of libc, so that no header package is needed. */
const declarations = `
typedef struct pam_handle pam_handle_t;
struct pam_message { int msg_style; const char *msg; };
struct pam_response { char *resp; int resp_retcode; };
struct pam_conv {
  int (*conv)(int num_msg, const struct pam_message **msg, struct pam_response **resp, void *appdata_ptr);
  void *appdata_ptr;
};
enum { PAM_SERVICE = 1, PAM_USER = 2, PAM_TTY = 3, PAM_RHOST = 4, PAM_CONV = 5, PAM_AUTHTOK = 6, PAM_RUSER = 8 };
enum { PAM_PROMPT_ECHO_OFF = 1, PAM_PROMPT_ECHO_ON, PAM_ERROR_MSG, PAM_TEXT_INFO };
enum { PAM_SUCCESS = 0, PAM_SYSTEM_ERR = 4, PAM_PERM_DENIED = 6, PAM_AUTH_ERR = 7, PAM_NEW_AUTHTOK_REQD = 12, PAM_CONV_ERR = 19, PAM_IGNORE = 25 };
extern int pam_get_item(const pam_handle_t *, int, const void **);
extern int pam_set_item(pam_handle_t *, int, const void *);
extern int pam_putenv(pam_handle_t *, const char *);
extern void abort(void);
extern void exit(int);
extern void free(void *);
extern void *malloc(unsigned long);
extern void *memset(void *, int, unsigned long);
extern int fork(void);
extern int setsid(void);
extern int close(int);
extern unsigned int sleep(unsigned int);
extern int strcmp(const char *, const char *);
extern unsigned long strlen(const char *);
extern int snprintf(char *, unsigned long, const char *, ...);
`;
const libraries = ["libpam.so.0", "libc.so.6"];

/**
 * Compiles a module.
 *
 * @param source C with the functions `pam_sm_…(pam_handle_t *pamh, int flags, int argc, const char **argv)`
 * @returns The path of the shared object, for a line of a stack
 */
export async function makeModule(folder: string, name: string, source: string): Promise<string> {
  const file = `${folder}/${name}.so`;
  await Deno.writeTextFile(`${folder}/${name}.c`, declarations + source);
  const found = await Promise.all(libraries.map(libraryPath));
  const argv = ["tcc", "-shared", "-nostdlib", "-o", file, `${folder}/${name}.c`, ...found];
  const { code, stderr } = await run(argv);
  if (code !== 0) throw new Error(`Cannot compile ${name}: ${stderr}`);
  return file;
}

async function libraryPath(name: string): Promise<string> {
  const { stdout } = await run(["/sbin/ldconfig", "-p"]);
  const line = stdout.split("\n").find((line) => line.trim().startsWith(`${name} (`));
  const path = line?.split(" => ")[1];
  if (!path) throw new Error(`Cannot find ${name}`);
  return path;
}
