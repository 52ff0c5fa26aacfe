// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { readList, readText } from "./command_replies.ts";
import type { Reply } from "./reply.ts";
import { SLOTS } from "./slot.ts";

/** A master and its replicas, as `host:port`. */
export interface Shard {
  /** Who takes writes. */
  readonly master: string;
  /** Who has copies. */
  readonly replicas: readonly string[];
}

/** Which shard has which slot. */
export class Topology {
  /** All shards. */
  readonly shards: Shard[] = [];
  /** Index of the shard of each slot, plus one; 0 where none has it. */
  readonly #slots = new Uint16Array(SLOTS);

  /** Reads the reply of `CLUSTER SLOTS`; a node without a host name is at `host`. */
  static read(reply: Reply, host: string): Topology {
    const topology = new Topology();
    for (const row of readList(reply)) {
      const [first, last, ...nodes] = readList(row);
      const [master, ...replicas] = nodes.map((node) => addressOf(node, host));
      if (master !== undefined) topology.#add(Number(first), Number(last), { master, replicas });
    }
    return topology;
  }

  /** Who has a slot, if anybody. */
  shardOf(slot: number): Shard | undefined {
    return this.shards[this.#slots[slot]! - 1];
  }

  /** All masters. */
  get masters(): string[] {
    return this.shards.map(({ master }) => master);
  }

  /** All addresses. */
  get addresses(): Set<string> {
    return new Set(this.shards.flatMap(({ master, replicas }) => [master, ...replicas]));
  }

  /** Notes that a slot is at an address now. */
  move(slot: number, address: string): void {
    let index = this.shards.findIndex(({ master }) => master === address);
    if (index < 0) index = this.shards.push({ master: address, replicas: [] }) - 1;
    this.#slots[slot] = index + 1;
  }

  #add(first: number, last: number, shard: Shard): void {
    let index = this.shards.findIndex(({ master }) => master === shard.master);
    if (index < 0) index = this.shards.push(shard) - 1;
    this.#slots.fill(index + 1, first, last + 1);
  }
}

function addressOf(node: Reply, host: string): string {
  const [name, port] = readList(node);
  const known = name === null || name === undefined ? "" : readText(name);
  return `${known === "" || known === "?" ? host : known}:${port}`;
}
