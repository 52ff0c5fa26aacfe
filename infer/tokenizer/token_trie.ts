// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Finds the texts of a set where they occur in another text. */
export class TokenTrie<T extends { readonly content: string }> {
  readonly #root: Node<T> = { children: new Map(), token: undefined };
  readonly #first: RegExp;

  /** Of two tokens with one content the first counts. */
  constructor(tokens: Iterable<T>) {
    const units = new Set<string>();
    for (const token of tokens) {
      units.add(`\\u${token.content.charCodeAt(0).toString(16).padStart(4, "0")}`);
      this.#insert(token);
    }
    this.#first = new RegExp(units.size === 0 ? "(?!)" : `[${[...units].join("")}]`, "g");
  }

  /** Where at or behind `from` a token may begin; -1 when none does. */
  nextStart(text: string, from: number): number {
    this.#first.lastIndex = from;
    return this.#first.test(text) ? this.#first.lastIndex - 1 : -1;
  }

  /** The longest token that begins at `at`. */
  longestAt(text: string, at: number): T | undefined {
    let longest: T | undefined;
    let node: Node<T> | undefined = this.#root;
    for (let i = at; i < text.length; i++) {
      node = node.children.get(text.charCodeAt(i));
      if (node === undefined) break;
      longest = node.token ?? longest;
    }
    return longest;
  }

  #insert(token: T): void {
    let node = this.#root;
    for (let i = 0; i < token.content.length; i++) {
      const unit = token.content.charCodeAt(i);
      let child = node.children.get(unit);
      if (child === undefined) {
        child = { children: new Map(), token: undefined };
        node.children.set(unit, child);
      }
      node = child;
    }
    node.token ??= token;
  }
}

/** A step by one code unit. */
interface Node<T> {
  readonly children: Map<number, Node<T>>;
  token: T | undefined;
}
