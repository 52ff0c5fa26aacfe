// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { textOf } from "../http/octets.ts";

/** A head that is scanned: of a request, or of a response. */
export interface ScannedHead {
  /** How many fields it has. */
  readonly fieldCount: number;
  /** Where each begins and ends: name, its end, value, its end. */
  readonly fields: Int32Array | Uint32Array;
  /** Why it was refused. */
  readonly reason: string;
  /** Forgets all of it. */
  reset(): void;
}

/** What the tests of a head take. */
export interface HeadCases<H extends ScannedHead> {
  /** Makes one. */
  create: () => H;
  /** Scans, and says what was found; 0 where more is needed. */
  scan: (head: H, bytes: Uint8Array, start: number, end: number) => unknown;
  /** Heads, and what is found in them. */
  heads: readonly (readonly [text: string, found: unknown])[];
  /** How many of the first of them are accepted. */
  accepted: number;
}

/** Octets, one a character. */
export function octets(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** The fields of a head that begins at a place, as `[a=b|c=d]`. */
export function fieldsText(head: ScannedHead, bytes: Uint8Array, start: number): string {
  const fields: string[] = [];
  for (let at = 0; at < head.fieldCount * 4; at += 4) {
    const [name, nameEnd, value, valueEnd] = head.fields.subarray(at, at + 4);
    const text = (from: number, to: number) => textOf(bytes, start + from, start + to);
    fields.push(`${text(name!, nameEnd!)}=${text(value!, valueEnd!)}`);
  }
  return `[${fields.join("|")}]`;
}

/** Registers that a scan finds the same however the bytes come and wherever they lie. */
export function headTests<H extends ScannedHead>(name: string, cases: HeadCases<H>): void {
  const { create, scan, heads, accepted } = cases;

  Deno.test(`${name}.scan() finds the same at every split point of every vector`, () => {
    for (const [text, found] of heads) {
      const bytes = octets(text);
      for (let split = 0; split <= bytes.length; split++) {
        const head = create();
        const first = scan(head, bytes, 0, split);
        const last = first === 0 ? scan(head, bytes, 0, bytes.length) : first;
        assertEquals(last, found, `${JSON.stringify(text)} at ${split}: ${head.reason}`);
      }
    }
  });

  Deno.test(`${name}.scan() finds the same octet by octet, wherever the bytes lie`, () => {
    for (const [text, found] of heads) {
      for (const start of [0, 7]) {
        const bytes = octets("x".repeat(start) + text);
        const head = create();
        let last: unknown = 0;
        for (let end = start; end <= bytes.length && last === 0; end++) {
          last = scan(head, bytes, start, end);
        }
        assertEquals(last, found, `${JSON.stringify(text)}: ${head.reason}`);
      }
    }
  });

  Deno.test(`${name}.reset() forgets all of the last head`, () => {
    const used = create();
    for (const [before] of heads) {
      for (const [text, found] of heads.slice(0, accepted)) {
        used.reset();
        scan(used, octets(before), 0, before.length);
        used.reset();
        assertEquals(scan(used, octets(text), 0, text.length), found);
      }
    }
  });
}
