// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Opens the first of several shared libraries that the system has.
 *
 * The dynamic loader's own search applies to a bare name such as `liburing.so.2`; nothing is opened
 * before the first call, so importing this library needs no permission.
 *
 * @param names File names or paths, tried in order
 * @param symbols The functions wanted, as for {@linkcode Deno.dlopen}
 * @returns The opened library
 * @throws {Deno.errors.NotCapable} when `--allow-ffi` was not granted
 * @throws {Deno.errors.NotFound} when none could be opened; the message names every name tried
 */
export function openLibrary<const S extends Deno.ForeignLibraryInterface>(
  names: readonly string[],
  symbols: S,
): Deno.DynamicLibrary<S> {
  const reasons: string[] = [];
  for (const name of names) {
    try {
      return Deno.dlopen(name, symbols);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      reasons.push(`${name} (${error instanceof Error ? error.message : error})`);
    }
  }
  throw new Deno.errors.NotFound(`Cannot open a shared library: tried ${reasons.join(", ")}`);
}
