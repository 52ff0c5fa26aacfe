// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// Data: algorithms, the weakest first (Subresource Integrity, section 3.2).
const ALGORITHMS: Record<string, string> = {
  sha256: "SHA-256",
  sha384: "SHA-384",
  sha512: "SHA-512",
};

/**
 * Holds the content of a response to what the caller says of it: one of the digests of the
 * strongest algorithm has to be its own (Subresource Integrity, section 3.3.5). What names no known
 * algorithm asks for nothing.
 *
 * @throws {TypeError} when it is another content
 */
export async function checkIntegrity(
  arriving: Promise<Response>,
  integrity: string,
): Promise<Response> {
  const response = await arriving;
  const wanted = wantedDigests(integrity);
  if (wanted === undefined) return response;
  const copy = response.clone();
  const bytes = await copy.bytes();
  const digest = await crypto.subtle.digest(ALGORITHMS[wanted.algorithm], bytes);
  const found = btoa(String.fromCharCode(...new Uint8Array(digest)));
  if (wanted.values.includes(found)) return response;
  await response.body?.cancel();
  throw new TypeError("fetch failed", {
    cause: new Deno.errors.InvalidData(
      `Integrity does not match: content is ${wanted.algorithm}-${found}`,
    ),
  });
}

/** Digests in base64, one of which a content has to have; undefined where none is asked for. */
export function wantedDigests(
  integrity: string,
): { algorithm: string; values: string[] } | undefined {
  const digests = parse(integrity);
  const algorithm = Object.keys(ALGORITHMS).findLast((name) =>
    digests.some(([algorithm]) => algorithm === name)
  );
  if (algorithm === undefined) return undefined;
  const ofAlgorithm = digests.filter(([name]) => name === algorithm);
  return { algorithm, values: ofAlgorithm.map(([, value]) => value) };
}

/** `sha256-BASE64?options`, separated by blanks; base64url is taken as well. */
function parse(integrity: string): [string, string][] {
  return integrity.trim().split(/\s+/).flatMap((item): [string, string][] => {
    const match = /^(sha(?:256|384|512))-([A-Za-z0-9+/_-]+={0,2})(?:\?.*)?$/.exec(item);
    if (match === null) return [];
    return [[match[1], match[2].replaceAll("-", "+").replaceAll("_", "/")]];
  });
}
