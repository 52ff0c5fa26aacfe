// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// Data: the three forms of RFC 9110 section 5.6.7.
// deno-fmt-ignore
const FORMS: readonly RegExp[] = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  /^\w{3}, (?<day>\d\d) (?<month>\w{3}) (?<year>\d{4}) (?<time>\d\d:\d\d:\d\d) GMT$/,
  // Sunday, 06-Nov-94 08:49:37 GMT
  /^\w{6,9}, (?<day>\d\d)-(?<month>\w{3})-(?<year>\d\d) (?<time>\d\d:\d\d:\d\d) GMT$/,
  // Sun Nov  6 08:49:37 1994
  /^\w{3} (?<month>\w{3}) (?<day>[ \d]\d) (?<time>\d\d:\d\d:\d\d) (?<year>\d{4})$/,
];

/**
 * Milliseconds since 1970 of a date in a header field, in any of the three forms of RFC 9110
 * section 5.6.7; NaN for anything else, and for days that no calendar has.
 */
export function parseHttpDate(text: string): number {
  for (const form of FORMS) {
    const match = form.exec(text);
    if (match === null) continue;
    const { day, month, year, time } = match.groups as Record<string, string>;
    const [hour, minute, second] = time!.split(":").map(Number);
    const fullYear = year!.length === 2 ? centuryOf(Number(year)) : Number(year);
    return calendarMs(fullYear, MONTHS.indexOf(month!), Number(day), hour!, minute!, second!);
  }
  return NaN;
}

/** Milliseconds since 1970; NaN where there is no such day or time. A leap second counts as 59. */
export function calendarMs(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month, day);
  const exists = date.getUTCMonth() === month && date.getUTCDate() === day;
  if (!exists || hour > 23 || minute > 59 || second > 60) return NaN;
  return date.setUTCHours(hour, minute, Math.min(second, 59));
}

/** RFC 9110 section 5.6.7: more than 50 years ahead means the past. */
function centuryOf(twoDigits: number): number {
  const now = new Date().getUTCFullYear();
  const year = now - now % 100 + twoDigits;
  return year > now + 50 ? year - 100 : year;
}
