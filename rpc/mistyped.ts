// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A value that is not of its type; the path to it grows on the way out. */
class Mistyped extends TypeError {
  readonly path: string;
  readonly reason: string;

  constructor(path: string, reason: string) {
    super(`Cannot encode message: ${path === "" ? "it" : path} must be ${reason}`);
    this.path = path;
    this.reason = reason;
  }
}

/** The error of a value that is not what is wanted. */
export function mistyped(wanted: string, value: unknown): TypeError {
  const isPlain = typeof value === "string" || typeof value === "number" ||
    typeof value === "bigint";
  const got = isPlain ? String(value).slice(0, 40) : typeof value;
  return new Mistyped("", `${wanted}, received ${got}`);
}

/** The error with one more step in front of the path to the value. */
export function located(error: unknown, step: string | number): unknown {
  if (!(error instanceof Mistyped)) return error;
  const { path, reason } = error;
  const inner = path === "" || path.startsWith("[") ? path : `.${path}`;
  return new Mistyped(typeof step === "number" ? `[${step}]${inner}` : `${step}${inner}`, reason);
}

/** Writes what is one step inside, so that an error says where. */
export function within(step: string | number, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw located(error, step);
  }
}
