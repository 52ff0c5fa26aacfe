// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertInstanceOf, assertMatch, assertThrows } from "@std/assert";
import type { NetApi, SocketFamily } from "./servers.ts";

/** What a case runs against. */
export interface Subject {
  /** The functions under test. */
  api: NetApi;
  /** Which sockets they are to make, where the case holds for both kinds. */
  family: SocketFamily;
  /** First line of a program of its own that uses the same functions. */
  programHead: string;
}

/** Cases by name: what is expected, as a sentence that starts with the call. */
export type ContractCases = Record<string, (subject: Subject) => void | Promise<void>>;

type ErrorClass = abstract new (...args: never[]) => Error;

/** Holds an error to the form of Deno's system errors: class, `code`, strerror text and number. */
export function assertOsError(error: unknown, errorClass: ErrorClass, code: string): void {
  assertInstanceOf(error, errorClass);
  assertEquals((error as Error & { code?: string }).code, code);
  assertMatch(error.message, /^.+ \(os error \d+\)$/);
}

/** Holds a connection or listener to having been closed already. */
export function assertClosed(resource: { close(): void }): void {
  assertThrows(() => resource.close(), Deno.errors.BadResource);
}

/** Gives Deno's event loop one full turn, in which what was ready is delivered. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
