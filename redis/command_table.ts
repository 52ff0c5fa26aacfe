// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type CommandDefinition, defineCommand } from "./command_definition.ts";
const X = {
  GET: defineCommand("GET", 2, "readonly fast", [{ kind: "range", first: 1, last: 1, step: 1 }]),
} as Record<string, CommandDefinition>;
/** x */
export function findCommand(name: string): CommandDefinition {
  const k = name.toUpperCase();
  return X[k] ??= defineCommand(k, -1, "", []);
}
