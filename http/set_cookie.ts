// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { calendarMs } from "./http_date.ts";

/** When a cookie goes along with requests that another site causes. */
export type SameSite = "strict" | "lax" | "none" | "default";

/** What one `Set-Cookie` says. */
export interface SetCookie {
  /** Its name; it may be empty. */
  name: string;
  /** Its value. */
  value: string;
  /** `Domain` in lower case without a leading dot; empty where there is none. */
  domain: string;
  /** `Path`; empty where there is none that counts. */
  path: string;
  /** When it expires, in milliseconds since 1970; null at the end of the session. */
  expiresMs: number | null;
  /** Whether it is sent over secure connections only. */
  secure: boolean;
  /** Whether scripts are not to see it. */
  httpOnly: boolean;
  /** Whether other sites cause it to be sent. */
  sameSite: SameSite;
}

/** Octets of a name and its value together (RFC 6265bis section 5.6): one a character. */
export const COOKIE_BYTES_MAX = 4096;
/** Octets of an attribute's value. */
const ATTRIBUTE_BYTES_MAX = 1024;
/** RFC 6265bis section 5.5: 400 days. */
const LIFE_MS_MAX = 400 * 86_400_000;

/**
 * Reads the value of a `Set-Cookie` field as a user agent does (RFC 6265bis section 5.6): whatever
 * can be understood is, and the last of several attributes of a name counts.
 *
 * @param nowMs From when `Max-Age` counts
 * @returns null where there is no cookie, or one that is too long
 */
export function parseSetCookie(text: string, nowMs: number): SetCookie | null {
  if (CONTROL_REGEXP.test(text)) return null;
  const [pair, ...attributes] = text.split(";");
  const equals = pair!.indexOf("=");
  const name = equals < 0 ? "" : trim(pair!.slice(0, equals));
  const value = trim(pair!.slice(equals + 1));
  if (name === "" && value === "" || name.length + value.length > COOKIE_BYTES_MAX) return null;
  const cookie: SetCookie = {
    ...{ name, value, domain: "", path: "", expiresMs: null },
    ...{ secure: false, httpOnly: false, sameSite: "default" },
  };
  let maxAgeMs: number | undefined;
  for (const attribute of attributes) {
    const at = attribute.indexOf("=");
    const key = trim(at < 0 ? attribute : attribute.slice(0, at)).toLowerCase();
    const argument = at < 0 ? "" : trim(attribute.slice(at + 1));
    if (argument.length > ATTRIBUTE_BYTES_MAX) continue;
    if (key === "max-age" && /^-?\d+$/.test(argument)) maxAgeMs = Number(argument) * 1000;
    else take(cookie, key, argument);
  }
  // Max-Age comes before Expires; nothing lasts for longer than 400 days.
  if (maxAgeMs !== undefined) cookie.expiresMs = maxAgeMs <= 0 ? 0 : nowMs + maxAgeMs;
  if (cookie.expiresMs !== null) {
    cookie.expiresMs = Math.min(cookie.expiresMs, nowMs + LIFE_MS_MAX);
  }
  return cookie;
}

// deno-lint-ignore no-control-regex -- they are what is looked for
const CONTROL_REGEXP = /[\x00-\x08\x0a-\x1f\x7f]/;

function take(cookie: SetCookie, key: string, argument: string): void {
  switch (key) {
    case "expires": {
      const ms = parseCookieDate(argument);
      if (!Number.isNaN(ms)) cookie.expiresMs = ms;
      break;
    }
    case "domain":
      cookie.domain = argument.replace(/^\./, "").toLowerCase();
      break;
    case "path":
      cookie.path = argument.startsWith("/") ? argument : "";
      break;
    case "secure":
      cookie.secure = true;
      break;
    case "httponly":
      cookie.httpOnly = true;
      break;
    case "samesite":
      cookie.sameSite = /^(?:strict|lax|none)$/i.test(argument)
        ? argument.toLowerCase() as SameSite
        : "default";
  }
}

const DELIMITERS_REGEXP = /[\t\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+/;
const TIME_REGEXP = /^(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D|$)/;
const DAY_REGEXP = /^(\d{1,2})(?:\D|$)/;
const YEAR_REGEXP = /^(\d{2,4})(?:\D|$)/;
const MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec";

/**
 * Milliseconds since 1970 of a date as servers have written them at all times (RFC 6265bis section
 * 5.1.1); NaN where a part is missing or out of its range.
 */
export function parseCookieDate(text: string): number {
  let time: RegExpExecArray | null = null;
  let day: RegExpExecArray | null = null;
  let month: number | null = null;
  let year: RegExpExecArray | null = null;
  for (const token of text.split(DELIMITERS_REGEXP)) {
    if (time === null && (time = TIME_REGEXP.exec(token)) !== null) continue;
    if (day === null && (day = DAY_REGEXP.exec(token)) !== null) continue;
    if (month === null && (month = monthOf(token)) !== null) continue;
    year ??= YEAR_REGEXP.exec(token);
  }
  if (time === null || day === null || month === null || year === null) return NaN;
  const shortYear = Number(year[1]);
  const fullYear = shortYear < 70
    ? 2000 + shortYear
    : shortYear < 100
    ? 1900 + shortYear
    : shortYear;
  const [hour, minute, second] = time.slice(1).map(Number);
  if (fullYear < 1601 || second! > 59) return NaN;
  return calendarMs(fullYear, month, Number(day[1]), hour!, minute!, second!);
}

/** 0 for what begins as January does; null for no month. */
function monthOf(token: string): number | null {
  const at = token.length < 3 ? -1 : MONTHS.indexOf(token.slice(0, 3).toLowerCase());
  return at >= 0 && at % 3 === 0 ? at / 3 : null;
}

/** Without the blanks at its ends, and only those: a value may hold others. */
function trim(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}
