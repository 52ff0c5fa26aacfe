// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  defineService,
  Health,
  implement,
  type Implementation,
  method,
  type ServeOptions,
  string,
  struct,
} from "../rpc/mod.ts";

const text = struct({ text: string });

/** Tells which thread serves. */
export const naming = defineService({
  id: 1,
  name: "naming",
  methods: {
    name: method({ id: 1, request: text, response: text }),
    slow: method({ id: 2, request: text, response: text }),
  },
});

const name = crypto.randomUUID();

/** For `serveWorkers`. */
export const implementations: Implementation[] = [
  new Health().implementation,
  implement(naming, {
    name: () => ({ text: name }),
    slow: (request) => new Promise((resolve) => setTimeout(() => resolve(request), 50)),
  }),
];

/** For `serveWorkers`. */
export const options: ServeOptions = { messageBytesMax: 1000 };
