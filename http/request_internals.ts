// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Name of the symbol by which Deno tells its own objects from others. */
const BRAND = "[[webidl.brand]]";

/**
 * Makes objects of ours stand for those of a built-in class: they inherit from it, and the symbols
 * under which the built-in methods look for state lead to a real object.
 *
 * Nothing is assumed about these symbols but that all state is kept under some: those of a sample
 * are taken as they are.
 *
 * @param prototype The prototype of our class, whose own members stay
 * @param sample An object of the built-in class
 * @param real Gives the real object in whose stead one of ours stands
 */
export function forwardInternals<T extends object>(
  prototype: T,
  sample: object,
  real: (stand: T) => object,
): void {
  for (const symbol of Object.getOwnPropertySymbols(sample)) {
    if (symbol.description === BRAND) {
      // A brand says what an object is. Ours are, and need no real one to say so.
      Object.defineProperty(prototype, symbol, { value: Reflect.get(sample, symbol) });
      continue;
    }
    Object.defineProperty(prototype, symbol, {
      get(this: T) {
        return Reflect.get(real(this), symbol);
      },
      set(this: T, value: unknown) {
        Reflect.set(real(this), symbol, value);
      },
    });
  }
  Object.setPrototypeOf(prototype, Object.getPrototypeOf(sample));
  // `request.constructor` is `Request`.
  Reflect.deleteProperty(prototype, "constructor");
}
