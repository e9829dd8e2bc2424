/** The symbols of Linux-PAM that a login uses; {@link ./pam.ts} gives them meaning. */

import { library } from "./library.ts";

/** libpam.so.0, opened on the first call. */
export const libpam = library(
  ["libpam.so.0"],
  {
    // int pam_start(const char *service_name, const char *user, const struct pam_conv *pam_conversation, pam_handle_t **pamh) <security/pam_appl.h>
    pam_start: { parameters: ["buffer", "buffer", "buffer", "buffer"], result: "i32" },
    // int pam_start_confdir(const char *service_name, const char *user, const struct pam_conv *pam_conversation, const char *confdir, pam_handle_t **pamh) <security/pam_appl.h>; Linux-PAM 1.4
    pam_start_confdir: {
      parameters: ["buffer", "buffer", "buffer", "buffer", "buffer"],
      result: "i32",
      optional: true,
    },
    // int pam_end(pam_handle_t *pamh, int pam_status) <security/pam_appl.h>
    pam_end: { parameters: ["pointer", "i32"], result: "i32" },
    // int pam_set_item(pam_handle_t *pamh, int item_type, const void *item) <security/_pam_types.h>
    pam_set_item: { parameters: ["pointer", "i32", "buffer"], result: "i32" },
    // int pam_get_item(const pam_handle_t *pamh, int item_type, const void **item) <security/_pam_types.h>
    pam_get_item: { parameters: ["pointer", "i32", "buffer"], result: "i32" },
    // int pam_putenv(pam_handle_t *pamh, const char *name_value) <security/_pam_types.h>
    pam_putenv: { parameters: ["pointer", "buffer"], result: "i32" },
    // char **pam_getenvlist(pam_handle_t *pamh) <security/_pam_types.h>
    pam_getenvlist: { parameters: ["pointer"], result: "pointer" },
    // const char *pam_strerror(pam_handle_t *pamh, int errnum) <security/_pam_types.h>
    pam_strerror: { parameters: ["pointer", "i32"], result: "pointer" },
    // int pam_authenticate(pam_handle_t *pamh, int flags) <security/pam_appl.h>
    pam_authenticate: { parameters: ["pointer", "i32"], result: "i32" },
    // int pam_acct_mgmt(pam_handle_t *pamh, int flags) <security/pam_appl.h>
    pam_acct_mgmt: { parameters: ["pointer", "i32"], result: "i32" },
    // int pam_chauthtok(pam_handle_t *pamh, int flags) <security/pam_appl.h>
    pam_chauthtok: { parameters: ["pointer", "i32"], result: "i32" },
    // int pam_setcred(pam_handle_t *pamh, int flags) <security/pam_appl.h>
    pam_setcred: { parameters: ["pointer", "i32"], result: "i32" },
    // int pam_open_session(pam_handle_t *pamh, int flags) <security/pam_appl.h>
    pam_open_session: { parameters: ["pointer", "i32"], result: "i32" },
    // int pam_close_session(pam_handle_t *pamh, int flags) <security/pam_appl.h>
    pam_close_session: { parameters: ["pointer", "i32"], result: "i32" },
  },
);
