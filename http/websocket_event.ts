// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { forwardInternals } from "./request_internals.ts";

const TYPE = "message";
const AT_TARGET = 2;

/**
 * The event that tells one handler of a message. It is a `MessageEvent` to everybody who asks; what
 * few handlers look at is that of a real one, which is made then.
 */
export class MessageNotice {
  readonly data: unknown;
  readonly origin: string;
  readonly lastEventId = "";
  readonly ports: readonly MessagePort[] = [];
  #target: EventTarget | null;
  #telling = true;
  #real: MessageEvent | null = null;

  /** Tells of a message at a target. */
  constructor(target: EventTarget, data: unknown, origin: string) {
    this.#target = target;
    this.data = data;
    this.origin = origin;
  }

  /** Calls the only one who listens; what it throws is reported, as that of a listener is. */
  static tell(
    target: EventTarget,
    handler: (event: MessageEvent) => unknown,
    data: unknown,
    origin: string,
  ): void {
    const notice = new MessageNotice(target, data, origin);
    try {
      handler.call(target, notice as unknown as MessageEvent);
    } catch (error) {
      reportError(error);
    }
    notice.#told();
  }

  get type(): string {
    return this.#real === null ? TYPE : this.#real.type;
  }

  get target(): EventTarget | null {
    return this.#real === null ? this.#target : this.#real.target;
  }

  get currentTarget(): EventTarget | null {
    if (this.#real !== null) return this.#real.currentTarget;
    return this.#telling ? this.#target : null;
  }

  /** No message of a socket has one. */
  get source(): null {
    return null;
  }

  composedPath(): EventTarget[] {
    if (this.#real !== null && !this.#telling) return this.#real.composedPath();
    return this.#telling ? [this.#target!] : [];
  }

  /** An event of Deno's own with the same parts; from now on it is the one that counts. */
  real(): MessageEvent {
    if (this.#real === null) {
      const { data, origin } = this;
      this.#real = new MessageEvent(TYPE, { data, origin });
      Object.assign(attributesOf(this.#real), {
        target: this.#target,
        currentTarget: this.currentTarget,
        eventPhase: this.#telling ? AT_TARGET : 0,
      });
    }
    return this.#real;
  }

  #told(): void {
    this.#telling = false;
    if (this.#real === null) return;
    Object.assign(attributesOf(this.#real), { currentTarget: null, eventPhase: 0 });
  }
}

/**
 * How many listen to a target for messages; -1 where that cannot be told. Deno keeps them under a
 * symbol, which is looked for once, and what it means is tried then.
 */
export function messageListeners(target: EventTarget): number {
  const known = internals ??= findInternals();
  if (known.listeners === null) return -1;
  const held = Reflect.get(target, known.listeners) as EventTargetData | undefined;
  return held?.listeners[TYPE]?.length ?? 0;
}

/** What Deno keeps of an `EventTarget`. */
interface EventTargetData {
  readonly listeners: Record<string, { readonly length: number } | undefined>;
}

/** Symbols of Deno's; null when they are not what they were. */
interface Internals {
  readonly listeners: symbol | null;
  readonly attributes: symbol | null;
}

let internals: Internals | null = null;

function findInternals(): Internals {
  const event = new MessageEvent(TYPE);
  const attributes = Object.getOwnPropertySymbols(event).find((symbol) =>
    Reflect.get(event, symbol)?.type === TYPE && "currentTarget" in Reflect.get(event, symbol)
  );
  if (attributes === undefined) return { listeners: null, attributes: null };
  forwardInternals(MessageNotice.prototype, event, (notice) => notice.real());
  return { listeners: listenersSymbol() ?? null, attributes };
}

function listenersSymbol(): symbol | undefined {
  const target = new EventTarget();
  const count = (symbol: symbol) => Reflect.get(target, symbol)?.listeners?.[TYPE]?.length;
  const [first, second] = [() => {}, () => {}];
  target.addEventListener(TYPE, first);
  const found = Object.getOwnPropertySymbols(target).find((symbol) => count(symbol) === 1);
  if (found === undefined) return undefined;
  target.addEventListener(TYPE, second);
  if (count(found) !== 2) return undefined;
  target.removeEventListener(TYPE, first);
  return count(found) === 1 ? found : undefined;
}

function attributesOf(event: MessageEvent): object {
  return Reflect.get(event, internals!.attributes!);
}
