// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A random JSON schema of the keywords that the library follows; each has a document. */
export function randomSchema(random: () => number): unknown {
  const maker = new SchemaMaker(random);
  const schema = maker.schema(3);
  const isPlain = typeof schema === "object" && !("$ref" in schema);
  return isPlain && maker.usesTree ? { ...schema, $defs: { tree: maker.tree() } } : schema;
}

const NAMES = ["a", "name", "na", "né", "the key", 'q"uote', "back\\slash", "", "0", "日本"];
const PATTERNS = ["^[a-c]+$", "b", "^x", "\\d$", "^(ab|c)*$", '^"\\\\', "[^a-z]", "^a|b$"];
const FORMATS = ["date", "time", "date-time", "uuid", "ipv4", "email", "hostname"];
const VALUES = [null, true, 1, -2.5, "", "text", 'a"b\n', [], [1, "x"], {}, { a: [null] }, "日本"];

class SchemaMaker {
  usesTree = false;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  schema(depth: number): Record<string, unknown> | boolean {
    const kinds = ["string", "string", "number", "integer", "other", "enum", "const", "true"];
    if (depth > 0) {
      kinds.push("object", "object", "object", "array", "array", "anyOf", "oneOf", "$ref");
    }
    const kind = this.#pick(kinds);
    switch (kind) {
      case "string":
        return { type: "string", ...this.#stringKeywords(), ...this.#maybe("title", "t") };
      case "number":
      case "integer":
        return { type: kind, ...this.#bounds(kind === "integer") };
      case "object":
        return this.#object(depth);
      case "array":
        return this.#array(depth);
      case "enum":
        return { enum: VALUES.filter((value) => value === null || this.#random() < 0.3) };
      case "const":
        return { const: this.#pick(VALUES) };
      case "anyOf":
        return { anyOf: Array.from({ length: this.#count(1, 3) }, () => this.schema(depth - 1)) };
      case "oneOf":
        return { oneOf: [{ type: "null" }, { type: "boolean" }, this.#object(depth)] };
      case "$ref":
        this.usesTree = true;
        return depth === 3 ? this.#object(depth) : { $ref: "#/$defs/tree" };
      case "true":
        return depth < 3 ? true : {};
      default:
        return { type: this.#pick(["null", "boolean", ["string", "null"], ["integer", "array"]]) };
    }
  }

  /** A schema that names itself. */
  tree(): unknown {
    const tree = { $ref: "#/$defs/tree" };
    return this.#pick([
      {
        type: "object",
        properties: { value: { type: "integer" }, next: tree },
        required: ["value"],
      },
      { type: "array", items: tree, maxItems: 2 },
      { anyOf: [{ type: "null" }, { type: "array", prefixItems: [tree], items: false }] },
    ]);
  }

  #object(depth: number): Record<string, unknown> {
    const names = NAMES.filter(() => this.#random() < 0.3);
    const properties = Object.fromEntries(names.map((name) => [name, this.schema(depth - 1)]));
    const required = names.filter(() => this.#random() < 0.5);
    if (this.#random() < 0.1) required.push("missing");
    const additional = this.#pick([undefined, undefined, true, this.schema(depth - 1)]);
    const isClosed = this.#random() < 0.3 && !required.includes("missing");
    return {
      type: "object",
      ...((isClosed || this.#random() < 0.9) && { properties }),
      ...(this.#random() < 0.8 && names.length > 0 && { required }),
      ...(isClosed ? { additionalProperties: false } : additional === undefined ? {} : {
        additionalProperties: additional,
      }),
    };
  }

  #array(depth: number): Record<string, unknown> {
    const prefixItems = Array.from({ length: this.#count(1, 3) }, () => this.schema(depth - 1));
    const minItems = this.#count(0, 3);
    return {
      type: "array",
      ...(this.#random() < 0.7 && { items: this.schema(depth - 1) }),
      ...(this.#random() < 0.3 && { prefixItems }),
      ...(this.#random() < 0.4 && { minItems }),
      ...(this.#random() < 0.4 && { maxItems: minItems + this.#count(0, 3) }),
    };
  }

  #stringKeywords(): Record<string, unknown> {
    switch (this.#count(0, 5)) {
      case 0:
        return { pattern: this.#pick(PATTERNS) };
      case 1:
        return { format: this.#pick(FORMATS) };
      case 2: {
        const minLength = this.#count(0, 4);
        return { minLength, maxLength: minLength + this.#count(0, 6) };
      }
      case 3:
        return this.#maybe("minLength", this.#count(0, 6));
      default:
        return {};
    }
  }

  #bounds(isWhole: boolean): Record<string, unknown> {
    const scale = 10 ** this.#count(0, 4);
    const number = () => (this.#random() - 0.5) * scale;
    const low = isWhole ? Math.floor(number()) : Number(number().toFixed(this.#count(0, 3)));
    const high = Number((low + this.#count(1, 50) * 2).toFixed(3));
    return {
      ...(this.#random() < 0.4 ? { minimum: low } : this.#maybe("exclusiveMinimum", low)),
      ...(this.#random() < 0.4 ? { maximum: high } : this.#maybe("exclusiveMaximum", high)),
    };
  }

  #maybe(keyword: string, value: unknown): Record<string, unknown> {
    return this.#random() < 0.4 ? { [keyword]: value } : {};
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)]!;
  }

  #count(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1));
  }
}
