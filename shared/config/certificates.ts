/** Files of SSH host certificates, as `sallyport keys` writes them: lines `TYPE BASE64 GATEWAY HOST`. */

import { isName } from "../protocol/names.ts";
import { ConfigError } from "./mistakes.ts";

/** What a line says; whether it is true only its signature tells. */
export interface CertificateLine {
  gateway: string;
  host: string;
  /** As it goes over the wire. */
  base64: string;
}

/** @throws {ConfigError} With the line that is none */
export function parseCertificates(text: string, file: string): CertificateLine[] {
  return text.split("\n").flatMap((line, index) => {
    if (line.trim() === "") return [];
    const [, base64 = "", gateway = "", host = ""] = line.split(" ");
    if (isName(gateway) && isName(host) && isBase64(base64)) return [{ gateway, host, base64 }];
    throw new ConfigError([
      `${file}:${index + 1}:1: a line must be TYPE BASE64 GATEWAY HOST, as \`sallyport keys\` writes it`,
    ]);
  });
}

function isBase64(text: string): boolean {
  try {
    return Uint8Array.fromBase64(text).length > 0;
  } catch {
    return false;
  }
}
