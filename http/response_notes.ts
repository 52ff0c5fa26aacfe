// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { codingsOf } from "./content_coding.ts";
import { isName, textOf } from "./octets.ts";
import type { ResponseHead } from "./response_head.ts";

/** What a client has to know of a response, beside its framing. */
export interface AnswerNotes {
  /** Codings that are to be undone; null for none. */
  readonly codings: readonly string[] | null;
  /** Where a redirect leads, or null. */
  readonly location: string | null;
  /** Values of `Set-Cookie`. */
  readonly cookies: readonly string[];
  /** How long the server keeps an idle connection, less a second; 0 when it does not say. */
  readonly keepAliveMs: number;
}

/** Looks at the fields that are a client's business; most responses have none of them. */
export function noteAnswer(
  head: ResponseHead,
  bytes: Uint8Array,
  start: number,
  method: string,
): AnswerNotes {
  const { fields, fieldCount } = head;
  let notes: { -readonly [K in keyof AnswerNotes]: AnswerNotes[K] } | null = null;
  for (let at = 0; at < fieldCount * 4; at += 4) {
    const name = NOTED[fields[at + 1] - fields[at]];
    if (name === undefined) continue;
    const from = start + fields[at];
    const to = start + fields[at + 1];
    const which = name.find((one) => isName(bytes, from, to, one));
    if (which === undefined) continue;
    const value = textOf(bytes, start + fields[at + 2], start + fields[at + 3]);
    notes ??= { ...NOTHING };
    if (which === "location") notes.location ??= value;
    else if (which === "set-cookie") notes.cookies = [...notes.cookies, value];
    else if (which === "keep-alive") notes.keepAliveMs = keepAliveOf(value);
    else if (method !== "HEAD") notes.codings = codingsOf(value);
  }
  return notes ?? NOTHING;
}

const NOTHING: AnswerNotes = { codings: null, location: null, cookies: [], keepAliveMs: 0 };

// Data: names by their length.
const NOTED: Record<number, readonly string[] | undefined> = {
  8: ["location"],
  10: ["set-cookie", "keep-alive"],
  16: ["content-encoding"],
};

/** `timeout=5`: a request that leaves in the last moment would come too late. */
function keepAliveOf(value: string): number {
  const seconds = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(value)?.[1];
  return seconds === undefined ? 0 : Math.max(100, (Number(seconds) - 1) * 1000);
}
