// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Engine } from "../io/engine.ts";
import { ringEngine } from "../io/engine_info.ts";
import { DescriptorSlots } from "./descriptor_slots.ts";
import { ReadPace } from "./read_pace.ts";
import { ReadTraffic } from "./read_traffic.ts";
import { RegisteredBlocks } from "./registered_blocks.ts";
import { LocalMounts } from "./local_mounts.ts";

/** What all files of one ring engine share. */
export class RingFiles {
  /** The engine. */
  readonly engine: Engine;
  /** Which files lie on this machine. */
  readonly mounts: LocalMounts;
  /** Places for files that are open for a moment. */
  readonly slots: DescriptorSlots;
  /** Memory that the kernel knows. */
  readonly registered: RegisteredBlocks;
  /** How fast large reads out of memory are. */
  readonly pace: ReadPace = new ReadPace();
  /** How reads come. */
  readonly traffic: ReadTraffic;

  /** Shares the engine. */
  constructor(engine: Engine) {
    this.engine = engine;
    this.mounts = new LocalMounts(engine);
    this.slots = new DescriptorSlots(engine);
    this.registered = new RegisteredBlocks(engine);
    this.traffic = new ReadTraffic(engine.direct);
  }
}

let shared: RingFiles | undefined;

/** What the files of this isolate's ring share, or null on the portable engine. */
export function ringFiles(): RingFiles | null {
  if (shared) return shared;
  const engine = ringEngine();
  if (engine === null) return null;
  return shared = new RingFiles(engine);
}
