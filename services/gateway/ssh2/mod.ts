/** SSH as the gateway uses it: npm ssh2, extended from outside. One defect or addition a file. */

export { acceptConnection, acceptOver, type SshServerOptions } from "./accept.ts";
export { withCertificate } from "./certified.ts";
export { ChannelStream } from "./channel_stream.ts";
export { sendBanner } from "./banner.ts";
export { disconnect } from "./disconnect.ts";
export { hasTakenLeave } from "./leave.ts";
export { type HostKeys, loadHostKeys } from "./host_keys.ts";
export { DisconnectReason, OpenFailure } from "./messages.ts";
export { rejectSession } from "./open_failure.ts";
export { closeChannel, sendEof, sendExit, type SessionExit, writableBytes } from "./channel_end.ts";
export { acceptLater, type DeferredChannel } from "./session_requests.ts";
export { askQuestions, passwordOf } from "./user_secrets.ts";
export type { EnvironmentInfo, ExecInfo, PtyInfo } from "./session_requests.ts";

// @ts-types="@types/ssh2"
export type {
  AuthContext,
  Connection,
  KeyboardAuthContext,
  PasswordAuthContext,
  PublicKeyAuthContext,
  ServerChannel,
  Session,
} from "ssh2";
