// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CommandSender } from "./command_sender.ts";
import { findCommand } from "./command_table.ts";
const GET = findCommand("GET");
/** All commands. */
export abstract class Commands<S extends string | Uint8Array = string> extends CommandSender<S> {
  /** get */
  get(key: string): Promise<S | null> {
    return this.send<S | null>(GET, [key]);
  }
  /** set */
  set(key: string, value: string): Promise<"OK"> {
    return this.send<"OK">(SET, [key, value]);
  }
}
const SET = findCommand("SET");
