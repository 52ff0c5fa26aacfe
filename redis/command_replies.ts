// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Reply, VerbatimString } from "./reply.ts";
import { parseDouble } from "./reply_number.ts";

/** An entry of a stream. */
export interface StreamEntry<S = string> {
  /** Its id: milliseconds, and a number within these. */
  id: string;
  /** Its fields in order; a stream allows a name twice. */
  fields: [field: S, value: S][];
}

/** What a server describes something with. */
export type ReplyRecord = Record<string, Reply>;

const decoder = new TextDecoder();

/** Text of whatever says text: simple, bulk, verbatim, bytes. */
export function readText(reply: Reply): string {
  if (typeof reply === "string") return reply;
  if (reply instanceof Uint8Array) return decoder.decode(reply);
  if (reply instanceof VerbatimString) return readText(reply.text);
  return String(reply);
}

/** Text or null. */
export function readTextOrNull(reply: Reply): string | null {
  return reply === null ? null : readText(reply);
}

/** Text, or the items of what replies in several ways. */
export function readTexts(reply: Reply): string[] {
  return readList(reply).map(readText);
}

/** An array or a set, which are the same in RESP2. */
export function readList<T extends Reply = Reply>(reply: Reply): T[] {
  if (Array.isArray(reply)) return reply as T[];
  if (reply instanceof Set) return [...reply] as T[];
  return reply === null ? [] : [reply as T];
}

/** As {@linkcode readList}, or null. */
export function readListOrNull<T extends Reply = Reply>(reply: Reply): T[] | null {
  return reply === null ? null : readList(reply);
}

/** 1 and 0, or what RESP3 has for them. */
export function readBoolean(reply: Reply): boolean {
  return reply === true || reply === 1 || (typeof reply === "string" && reply === "OK");
}

/** Several of these. */
export function readBooleans(reply: Reply): boolean[] {
  return readList(reply).map(readBoolean);
}

/** A double, which RESP2 sends as text. */
export function readDouble(reply: Reply): number {
  return typeof reply === "number" ? reply : parseDouble(readText(reply));
}

/** A double or null. */
export function readDoubleOrNull(reply: Reply): number | null {
  return reply === null ? null : readDouble(reply);
}

/** Several doubles. */
export function readDoubles(reply: Reply): number[] {
  return readList(reply).map(readDouble);
}

/** Several doubles or nulls. */
export function readDoublesOrNulls(reply: Reply): (number | null)[] {
  return readList(reply).map(readDoubleOrNull);
}

/** Names and values: a map, or a flat array in RESP2. */
export function readMap<S>(reply: Reply): Map<S, S> {
  return new Map(readPairs<S>(reply));
}

/** The same as pairs, for what may have a name twice. */
export function readPairs<S>(reply: Reply): [S, S][] {
  if (reply instanceof Map) return [...reply] as [S, S][];
  return pairsOf(readList(reply)) as [S, S][];
}

/** Members with scores: pairs, or a flat array in RESP2. */
export function readScored<S>(reply: Reply): [S, number][] {
  return pairsOf(readList(reply)).map(([member, score]) => [member as S, readDouble(score)]);
}

/** Channels with numbers of subscribers. */
export function readCounts(reply: Reply): Map<string, number> {
  const pairs = reply instanceof Map ? [...reply] : pairsOf(readList(reply));
  return new Map(pairs.map(([name, count]) => [readText(name), Number(count)]));
}

/** Cursor and items of one step. */
export function readScan<S>(reply: Reply): [cursor: string, items: S[]] {
  const [cursor, items] = readList(reply);
  return [readText(cursor!), readList(items!) as S[]];
}

/** Cursor and pairs of one step. */
export function readScanPairs<S>(reply: Reply): [cursor: string, pairs: [S, S][]] {
  const [cursor, items] = readList(reply);
  return [readText(cursor!), readPairs<S>(items!)];
}

/** Cursor and members with scores of one step. */
export function readScanScored<S>(reply: Reply): [cursor: string, members: [S, number][]] {
  const [cursor, items] = readList(reply);
  return [readText(cursor!), readScored<S>(items!)];
}

/** Key and element of a pop that waited. */
export function readKeyed<S>(reply: Reply): [key: S, element: S] | null {
  return reply === null ? null : readList(reply) as unknown as [S, S];
}

/** Key, member and score of a pop that waited. */
export function readKeyedScored<S>(reply: Reply): [key: S, member: S, score: number] | null {
  if (reply === null) return null;
  const [key, member, score] = readList(reply);
  return [key as S, member as S, readDouble(score!)];
}

/** Key and elements of a pop from several. */
export function readPopped<S>(reply: Reply): [key: S, elements: S[]] | null {
  if (reply === null) return null;
  const [key, elements] = readList(reply);
  return [key as S, readList(elements!) as S[]];
}

/** Key and members with scores of a pop from several. */
export function readPoppedScored<S>(reply: Reply): [key: S, members: [S, number][]] | null {
  if (reply === null) return null;
  const [key, members] = readList(reply);
  return [key as S, readScored<S>(members!)];
}

/** Longitudes and latitudes. */
export function readPositions(reply: Reply): ([longitude: number, latitude: number] | null)[] {
  return readList(reply).map((place) =>
    place === null ? null : readDoubles(place) as [number, number]
  );
}

/** Entries of a stream; null stands for one that is gone. */
export function readEntries<S>(reply: Reply): StreamEntry<S>[] {
  return readList(reply).filter((entry) => entry !== null).map((entry) => {
    const [id, fields] = readList(entry);
    return { id: readText(id!), fields: readPairs<S>(fields!) };
  });
}

/** Streams with entries. */
export function readStreams<S>(reply: Reply): [key: S, entries: StreamEntry<S>[]][] | null {
  if (reply === null) return null;
  const streams = reply instanceof Map ? [...reply] : readList(reply).map((row) => readList(row));
  return streams.map((row) => [row[0] as S, readEntries<S>(row[1]!)]);
}

/** Where to go on, entries taken over (or their ids), and ids of entries that are gone. */
export function readClaimed<S>(
  reply: Reply,
): { cursor: string; entries: StreamEntry<S>[]; ids: string[]; deletedIds: string[] } {
  const [cursor, taken, deleted] = readList(reply);
  const rows = readList(taken!);
  const hasFields = Array.isArray(rows.find((row) => row !== null));
  return {
    cursor: readText(cursor!),
    entries: hasFields ? readEntries<S>(taken!) : [],
    ids: hasFields ? readEntries<S>(taken!).map(({ id }) => id) : rows.map(readText),
    deletedIds: readTexts(deleted ?? []),
  };
}

/** A description: names as text, values as they are. */
export function readRecord(reply: Reply): ReplyRecord {
  const pairs = reply instanceof Map ? [...reply] : pairsOf(readList(reply));
  return Object.fromEntries(pairs.map(([name, value]) => [readText(name), value]));
}

/** A description or null. */
export function readRecordOrNull(reply: Reply): ReplyRecord | null {
  return reply === null ? null : readRecord(reply);
}

/** Several descriptions. */
export function readRecords(reply: Reply): ReplyRecord[] {
  return readList(reply).map(readRecord);
}

/** Pairs of an array that is flat or has pairs already. */
function pairsOf(items: readonly Reply[]): [Reply, Reply][] {
  if (Array.isArray(items[0])) return items as [Reply, Reply][];
  const pairs: [Reply, Reply][] = [];
  for (let i = 0; i + 1 < items.length; i += 2) pairs.push([items[i]!, items[i + 1]!]);
  return pairs;
}
