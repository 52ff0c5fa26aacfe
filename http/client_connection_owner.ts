// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ClientExchange } from "./client_exchange.ts";
import type { ClientLimits } from "./client_options.ts";
import type { ClientResponse } from "./client_response.ts";
import type { AnswerNotes } from "./response_notes.ts";
import type { TurnClock } from "./turn_clock.ts";

/** What a connection `C` of a client needs of the pool that it belongs to. */
export interface ClientConnectionOwner<C> {
  /** The time. */
  readonly clock: TurnClock;
  /** All limits. */
  readonly limits: ClientLimits;
  /** Whether compressed bodies are decoded. */
  readonly decodes: boolean;
  /** A deadline nearer than those known came up. */
  noteDeadline(deadlineMs: number): void;
  /** A final response came, at least its head. */
  answered(exchange: ClientExchange, response: ClientResponse, notes: AnswerNotes): void;
  /** There will be no response on this connection. */
  failed(exchange: ClientExchange, cause: unknown, unserved: boolean): void;
  /** It can take another request. */
  released(connection: C): void;
  /** It is over. */
  closed(connection: C): void;
}
