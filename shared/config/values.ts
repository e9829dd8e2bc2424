/** The kinds of value a key may hold. Each says in words what it accepts; an error is that sentence and what was found. */

import { isIP } from "node:net";
import { z } from "zod";
import { isLabelValue, isLogin, isName, isServiceName, steersTheLoader } from "../protocol/names.ts";
import { parseDuration } from "./duration.ts";
import type { ListenAddress, MaxStartups } from "./gateway_settings.ts";
import type { AccountSettings, Template, UidRange } from "./host_settings.ts";
import { isPublicKeyLine } from "./public_key.ts";
import { parseTemplate, templateForms } from "./template.ts";

/** What a value parser answers when the value is not acceptable. */
export const refused = Symbol("refused");

export interface Kind<T> {
  /** Completes "must be …". */
  accepts: string;
  parse: (value: unknown) => T | typeof refused;
}

export interface KeyDocumentation {
  /** What the key does, for examples/sallyport.yaml. */
  description: string;
  /** A value as it may stand in a file; the default where there is one. */
  example: unknown;
}

/** A key that must be given. */
export function required<T>(kind: Kind<T>, about: string, example: unknown): z.ZodType<T> {
  return leaf(kind).meta({ description: about, example });
}

/** A key with a default: `fallback` is the parsed value, `example` the same as written in a file. */
export function optional<T>(kind: Kind<T>, about: string, fallback: T, example: unknown): z.ZodType<T> {
  return leaf(kind).default(fallback as never).meta({ description: about, example });
}

function leaf<T>(kind: Kind<T>) {
  return z.unknown().transform((value, context): T => {
    const parsed = kind.parse(value);
    if (parsed !== refused) return parsed;
    context.addIssue({ code: "custom", message: kind.accepts });
    return z.NEVER;
  }) as unknown as z.ZodType<T>;
}

/** Either `null` (the key left empty) or the kind itself. */
export function orNull<T>(kind: Kind<T>): Kind<T | null> {
  return { accepts: kind.accepts, parse: (value) => value === null ? null : kind.parse(value) };
}

function matching(accepts: string, test: (text: string) => boolean): Kind<string> {
  return { accepts, parse: (value) => typeof value === "string" && test(value) ? value : refused };
}

export const fileName = matching("the name of a file", (text) => text !== "" && !text.includes("\0"));
export const folderName = matching("the name of a folder", (text) => text !== "" && !text.includes("\0"));
export const busName = matching("a name of letters, digits, - and _, at most 63 long", isName);
export const labelNameText = /^[A-Za-z0-9][A-Za-z0-9_./-]{0,62}$/;
export const labelValue = matching("a line of at most 128 characters without = and ,", isLabelValue);
export const serviceName = matching(
  "the name of a file in /etc/pam.d: letters, digits, ., - and _ and no folder",
  isServiceName,
);
export const absolutePath = matching(
  "an absolute path without . and .. in it",
  (text) => /^(\/[^/\0\n:]+)+$/.test(text) && !/\/\.{1,2}(\/|$)/.test(text),
);
export const groupName = matching("the name of a group", isLogin);
export const sudoersRule = matching(
  "what follows the user in a line of sudoers, such as ALL=(ALL) NOPASSWD: ALL",
  // deno-lint-ignore no-control-regex
  (text) => text.trim() !== "" && !/[\x00-\x1f\x7f]|\\$/.test(text),
);
export const commandLine = matching("a command line", (text) => text !== "" && !text.includes("\0"));
export const commandWord = matching("a word of a command line", (text) => !text.includes("\0"));
export const commandPattern = matching(
  "the name of a command, or a pattern of one with * and ?",
  (text) => /^[a-z*?][a-z*?-]{0,31}$/.test(text),
);
/** Names of labels where roles ask for them; `*` stands for any label, and goes with the value `*` alone. */
export const labelMatcherNameText = /^(\*|[A-Za-z0-9][A-Za-z0-9_./-]{0,62})$/;
export const labelMatcher = matching(
  "a label's value, or a pattern of one with * and ?: a line of at most 128 characters without = and ,",
  isLabelValue,
);
export const network = matching(
  "a network such as 192.0.2.0/24 or 2001:db8::/32, or one address",
  (text) => {
    const [, address = "", length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
    const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
    return bits > 0 && !address.includes("%") && Number(length ?? 0) <= bits;
  },
);
export const natsServer = matching(
  "the URL of a NATS server such as nats://127.0.0.1:4222 or tls://bus.example.org:4222",
  (text) => {
    const url = URL.parse(text);
    return url !== null && ["nats:", "tls:"].includes(url.protocol) && url.hostname !== "" &&
      url.password === "";
  },
);
/** A login, or a pattern of one with * and ?. */
export const loginPatternText = /^(?=.{1,32}$)[A-Za-z0-9_*?][A-Za-z0-9_.*?-]*\$?$/;
export const loginPattern = matching(
  "a login, or a pattern of one with * and ?",
  (text) => loginPatternText.test(text),
);
export const exactLogin = matching("a login", isLogin);
export const variablePattern = matching(
  "the name of a variable, or a pattern of one with * and ?",
  (text) => /^[A-Za-z_*?][A-Za-z0-9_*?]*$/.test(text),
);
export const personName = matching(
  "a name of 1 to 128 characters without control characters",
  // deno-lint-ignore no-control-regex
  (text) => text.length >= 1 && text.length <= 128 && !/[\x00-\x1f\x7f]/.test(text),
);
/** Facts of the login, which pam_exec, pam_script and we set, and a variable of the same name must not contradict. */
const factsOfTheLogin =
  /^(PAM_(SERVICE|TYPE|USER|RUSER|RHOST|TTY|AUTHTOK|OLDAUTHTOK)|SSH_(CLIENT|CONNECTION|TTY|AUTH_INFO_0))$/;
export const pamVariable = matching(
  "named with 1 to 128 printable ASCII characters without = and blanks, and neither LD_* nor DYLD_*, which steer the loader, nor one of PAM's or SSH's own such as PAM_USER or SSH_CONNECTION",
  (text) => /^[!-<>-~]{1,128}$/.test(text) && !steersTheLoader(text) && !factsOfTheLogin.test(text),
);
/** Text with templates; as parsed. */
export const template: Kind<Template> = {
  accepts: templateForms,
  parse: (value) => typeof value === "string" ? parseTemplate(value) ?? refused : refused,
};
export const anyText = matching("text", (text) => !text.includes("\0"));
export const publicKey = matching(
  'a public key line such as "ssh-ed25519 AAAA… comment", without options in front',
  isPublicKeyLine,
);

/** A whole number within bounds, inclusive. */
export function integer(min: number, max: number): Kind<number> {
  return {
    accepts: `a whole number from ${min} to ${max}`,
    parse: (value) =>
      typeof value === "number" && Number.isInteger(value) && value >= min && value <= max ? value : refused,
  };
}

/** An unprivileged numeric id. 65534 is nobody, which others share, and 65535 and 2^32-1 mean "no id" to the kernel. */
export const unprivilegedId: Kind<number> = {
  accepts: "a numeric id of its own from 1 to 4294967294, neither root (0) nor nobody (65534)",
  parse: (value) => {
    const id = integer(1, 0xffff_fffe).parse(value);
    return id === 65_534 || id === 65_535 ? refused : id;
  },
};

const yesWords = ["yes", "true", "on"];
const noWords = ["no", "false", "off"];

/** YAML 1.1 reads a bare yes as a boolean and YAML 1.2 as a word, so both are the same here. */
export const yesNo: Kind<boolean> = {
  accepts: "yes or no (true, false, on and off mean the same)",
  parse: (value) => {
    if (typeof value === "boolean") return value;
    if (typeof value !== "string") return refused;
    if (yesWords.includes(value.toLowerCase())) return true;
    return noWords.includes(value.toLowerCase()) ? false : refused;
  },
};

/** YAML 1.1 reads a bare off as a boolean. */
export const accountsMode: Kind<AccountSettings["mode"]> = {
  accepts: "one of off, keep, ephemeral",
  parse: (value) =>
    value === false
      ? "off"
      : (["off", "keep", "ephemeral"] as const).find((mode) => mode === value) ?? refused,
};

/** `70000-99999`. Uids below 1000 are the system's. */
export const uidRange: Kind<UidRange> = {
  accepts: 'two uids "first-last" such as "70000-99999", neither below 1000 nor around nobody (65534)',
  parse: (value) => {
    const parts = typeof value === "string" ? /^(\d{1,10})-(\d{1,10})$/.exec(value) : null;
    if (!parts) return refused;
    const [min, max] = [Number(parts[1]), Number(parts[2])];
    const isApart = max < 65_534 || min > 65_535;
    return min >= 1_000 && min <= max && max <= 0xffff_fffe && isApart ? { min, max } : refused;
  },
};

/** Milliseconds. */
export const duration: Kind<number> = {
  accepts: "a span of time such as 30 (seconds), 2m or 1h30m, at most 24 days",
  parse: (value) => {
    if (typeof value !== "string" && typeof value !== "number") return refused;
    return parseDuration(String(value)) ?? refused;
  },
};

/** Milliseconds. */
export const labelInterval: Kind<number> = {
  accepts: "a span of time of 5 seconds or more, such as 30 (seconds) or 2m",
  parse: (value) => {
    const parsed = duration.parse(value);
    return parsed === refused || parsed < 5_000 ? refused : parsed;
  },
};

export function choice<const T extends string>(words: readonly T[]): Kind<T> {
  return {
    accepts: `one of ${words.join(", ")}`,
    parse: (value) => words.find((word) => word === value) ?? refused,
  };
}

/** `127.0.0.1:2222`, `[::]:2222`, `gateway.example.org:22`. */
export const listenAddress: Kind<ListenAddress> = {
  accepts: "an address and a port such as 127.0.0.1:2222 or [::]:2222",
  parse: (value) => {
    const parts = typeof value === "string"
      ? /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(value)
      : null;
    const hostname = parts?.[1] ?? parts?.[2];
    const port = Number(parts?.[3]);
    return hostname && port <= 65_535 ? { hostname, port } : refused;
  },
};

/** What may come first, and what after a key (RFC 4252 method names). */
const firstMethods = ["publickey", "keyboard-interactive", "password"];
const methodLists = [...firstMethods, "publickey,keyboard-interactive", "publickey,password"];

/** One list of sshd's AuthenticationMethods. */
export const methodList: Kind<string[]> = {
  accepts: `one of ${methodLists.join(" | ")}`,
  parse: (value) => typeof value === "string" && methodLists.includes(value) ? value.split(",") : refused,
};

/** sshd's start:rate:full. */
export const maxStartups: Kind<MaxStartups> = {
  accepts: 'three numbers "start:rate:full" such as "100:30:500", rate in per cent, full not below start',
  parse: (value) => {
    const parts = typeof value === "string" ? /^(\d{1,6}):(\d{1,3}):(\d{1,6})$/.exec(value) : null;
    if (!parts) return refused;
    const [start = 0, rate = 0, full = 0] = parts.slice(1).map(Number);
    return start >= 1 && rate >= 1 && rate <= 100 && full >= start ? { start, rate, full } : refused;
  },
};
