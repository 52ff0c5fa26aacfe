// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type CommandDefinition, defineCommand, parseKeys } from "./command_definition.ts";
import { COMMAND_ROWS, type CommandRow } from "./command_table.ts";

const rows: ReadonlyMap<string, CommandRow> = new Map(COMMAND_ROWS.map((row) => [row[0], row]));
const definitions = new Map<string, CommandDefinition>();

/**
 * What is known of a command. One that is not in the table is taken to write, to have no keys, and
 * never to be repeated.
 *
 * @param name The command and, where it has one, its subcommand, in any case
 */
export function findCommand(name: string): CommandDefinition {
  const known = definitions.get(name);
  if (known !== undefined) return known;
  const upper = name.trim().toUpperCase().replace(/\s+/g, " ");
  const row = rows.get(upper);
  if (row === undefined) return defineCommand(upper, -1, "", []);
  let definition = definitions.get(upper);
  if (definition === undefined) {
    definition = defineCommand(upper, row[1], row[2], parseKeys(row[3]));
    definitions.set(upper, definition);
  }
  // As it was written: at most twice as many as there are commands.
  if (definitions.size < 2 * rows.size) definitions.set(name, definition);
  return definition;
}

/** Whether the table has it. */
export function isKnownCommand(name: string): boolean {
  return rows.has(name.toUpperCase());
}
