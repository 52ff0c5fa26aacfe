// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { Missing } from "./suite.ts";

/** Where the certificate of the servers is made; git ignores it. */
const FOLDER = new URL(".build/tls/", import.meta.url);

/** Paths of a certificate for `localhost`, signed by itself, and of its key. */
export async function makeCertificate(): Promise<[cert: string, key: string] | Missing> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const [cert, key] = ["cert.pem", "key.pem"].map((name) => new URL(name, FOLDER).pathname);
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  // A certificate without a name among its alternative ones is for no host (RFC 9110, 4.3.4).
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  // One that is its own authority is no server's for some: it says so only where it must.
  const use = ["-addext", "basicConstraints=critical,CA:FALSE"];
  const command = new Deno.Command("openssl", {
    args: [...args, "-keyout", key!, "-out", cert!, "-days", "3650", ...names, ...use],
    stdout: "null",
    stderr: "null",
  });
  try {
    const { success } = await command.output();
    return success ? [cert!, key!] : new Missing("openssl made no certificate");
  } catch {
    return new Missing("openssl is not installed");
  }
}
