// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// The npm form of the standard library has no types: these are the ones that the tests and the
// examples use. `deno.json` names this file in `compilerOptions.types`.

/** What `new` of an error class may take does not matter to an assertion. */
type Constructor<T> = abstract new (...args: never[]) => T;

declare module "@std/assert" {
  export class AssertionError extends Error {}

  export function assert(condition: unknown, message?: string): asserts condition;
  export function assertFalse(
    condition: unknown,
    message?: string,
  ): asserts condition is false | 0 | 0n | "" | null | undefined;
  export function assertExists<T>(
    actual: T,
    message?: string,
  ): asserts actual is NonNullable<T>;
  export function assertInstanceOf<T>(
    actual: unknown,
    expected: Constructor<T>,
    message?: string,
  ): asserts actual is T;
  export function assertNotInstanceOf<A, T>(
    actual: A,
    unexpected: Constructor<T>,
    message?: string,
  ): asserts actual is Exclude<A, T>;

  export function equal(a: unknown, b: unknown): boolean;
  export function assertEquals<T>(actual: T, expected: T, message?: string): void;
  export function assertNotEquals<T>(actual: T, expected: T, message?: string): void;
  export function assertStrictEquals<T>(
    actual: unknown,
    expected: T,
    message?: string,
  ): asserts actual is T;
  export function assertNotStrictEquals<T>(actual: T, expected: T, message?: string): void;
  export function assertObjectMatch(actual: object, expected: object, message?: string): void;
  export function assertArrayIncludes<T>(
    actual: ArrayLike<T>,
    expected: ArrayLike<T>,
    message?: string,
  ): void;

  export function assertAlmostEquals(
    actual: number,
    expected: number,
    tolerance?: number,
    message?: string,
  ): void;
  export function assertGreater<T>(actual: T, expected: T, message?: string): void;
  export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void;
  export function assertLess<T>(actual: T, expected: T, message?: string): void;
  export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void;

  export function assertStringIncludes(actual: string, expected: string, message?: string): void;
  export function assertMatch(actual: string, expected: RegExp, message?: string): void;
  export function assertNotMatch(actual: string, expected: RegExp, message?: string): void;

  export function assertIsError<E extends Error = Error>(
    error: unknown,
    expected?: Constructor<E>,
    messageMatches?: string | RegExp,
    message?: string,
  ): asserts error is E;
  export function assertThrows(run: () => unknown, message?: string): unknown;
  export function assertThrows<E extends Error = Error>(
    run: () => unknown,
    expected: Constructor<E>,
    messageIncludes?: string,
    message?: string,
  ): E;
  export function assertRejects(
    run: () => PromiseLike<unknown>,
    message?: string,
  ): Promise<unknown>;
  export function assertRejects<E extends Error = Error>(
    run: () => PromiseLike<unknown>,
    expected: Constructor<E>,
    messageIncludes?: string,
    message?: string,
  ): Promise<E>;

  export function fail(message?: string): never;
  export function unimplemented(message?: string): never;
  export function unreachable(message?: string): never;
}

declare module "@std/http/status" {
  export const STATUS_TEXT: Record<number, string>;
}

declare module "@std/http/negotiation" {
  export function acceptsEncodings(
    request: { headers: Headers },
    ...encodings: string[]
  ): string | undefined;
}

declare module "@std/http/etag" {
  export function eTag(entity: string): Promise<string | undefined>;
  export function ifMatch(value: string | null, etag: string | undefined): boolean;
  export function ifNoneMatch(value: string | null, etag: string | undefined): boolean;
}

declare module "@std/media-types/content-type" {
  export function contentType(extensionOrType: string): string | undefined;
}
