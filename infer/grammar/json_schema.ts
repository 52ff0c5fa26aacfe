// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  choice,
  GrammarError,
  type GrammarNode,
  type GrammarRules,
  oneOf,
  optional,
  otherThan,
  repeat,
  ROOT,
  rule,
  sequence,
  text,
} from "./grammar_node.ts";
import { integersWithin, isExact, type NumberBounds, numbersWithin } from "./json_number.ts";
import { areDisjoint } from "./json_schema_disjoint.ts";
import {
  ANNOTATIONS,
  FORMATS,
  KEYWORDS,
  SCHEMA_TYPES,
  type SchemaObject,
  type SchemaType,
  TYPE_KEYWORDS,
  WHOLE_KEYWORDS,
} from "./json_schema_keywords.ts";
import { comma, escaped, gap, JSON_RULES, member, quoted, stringCharacter } from "./json_text.ts";
import { parseRegex, REPETITIONS_MAX } from "./regex.ts";

/**
 * A JSON Schema (draft 2020-12) as a grammar: all texts of the grammar are valid documents. Not the
 * other way round: properties come in the order of the schema, those that it does not name only
 * where `additionalProperties` says so (or there is no `properties`), and a schema without `type`
 * is about the type that its keywords are about.
 *
 * @throws {GrammarError} that names a keyword which cannot be followed, and where it stands
 */
export function jsonSchemaRules(schema: unknown): GrammarRules {
  const compiler = new SchemaCompiler(schema);
  compiler.rules.set(ROOT, compiler.compile(schema, "#"));
  return compiler.rules;
}

/** Any JSON object. */
export function jsonObjectRules(): GrammarRules {
  return new Map([...JSON_RULES, [ROOT, rule("object")]]);
}

/** Deepest schemas in schemas. */
const DEPTH_MAX = 200;

class SchemaCompiler {
  readonly rules = new Map<string, GrammarNode>(JSON_RULES);
  readonly #root: unknown;
  #depth = 0;

  constructor(root: unknown) {
    this.#root = root;
  }

  /** What documents of a schema look like; `path` is where it stands. */
  compile(schema: unknown, path: string): GrammarNode {
    if (schema === true) return rule("value");
    if (schema === false) return choice();
    if (!isObject(schema)) this.#fail("a schema that is no object", path);
    if (++this.#depth > DEPTH_MAX) this.#fail(`schemas over ${DEPTH_MAX} deep`, path);
    const node = this.#compileObject(schema, path);
    this.#depth--;
    return node;
  }

  /** The same as a rule of its own, so that it is built once wherever it is named. */
  #named(schema: unknown, path: string): GrammarNode {
    if (!this.rules.has(path)) {
      this.rules.set(path, choice()); // So that a schema that names itself ends here.
      this.rules.set(path, this.compile(schema, path));
    }
    return rule(path);
  }

  #compileObject(schema: SchemaObject, path: string): GrammarNode {
    const keywords = Object.keys(schema).filter((keyword) => !ANNOTATIONS.has(keyword));
    const unknown = keywords.find((keyword) => !KEYWORDS.has(keyword));
    if (unknown !== undefined) this.#fail(`"${unknown}"`, path);
    const whole = WHOLE_KEYWORDS.find((keyword) => Object.hasOwn(schema, keyword));
    if (whole === undefined) return this.#typed(schema, path);
    const isValue = whole === "enum" || whole === "const";
    const other = keywords.find((keyword) => keyword !== whole && !(isValue && keyword === "type"));
    if (other !== undefined) this.#fail(`"${other}" beside "${whole}"`, path);
    switch (whole) {
      case "$ref":
        return this.#reference(schema.$ref, path);
      case "anyOf":
      case "oneOf":
        return this.#oneOf(schema[whole], whole, path);
      case "allOf":
        return this.#allOf(schema.allOf, path);
      case "enum":
        return this.#values(this.#list(schema.enum, `${path}/enum`), schema, path);
      case "const":
        return this.#values([schema.const], schema, path);
    }
  }

  #reference(target: unknown, path: string): GrammarNode {
    const found = this.#referred(target, path);
    return target === "#" ? rule(ROOT) : this.#named(found, `${target}`);
  }

  /** What a `$ref` is to: a place in the schema (RFC 6901, section 6). */
  #referred(target: unknown, path: string): unknown {
    if (typeof target !== "string" || !/^#(\/|$)/.test(target)) {
      this.#fail(`"$ref" to ${JSON.stringify(target)}`, path);
    }
    let found = this.#root;
    for (const part of this.#decoded(target, path).split("/").slice(1)) {
      const name = part.replaceAll("~1", "/").replaceAll("~0", "~");
      const isThere = typeof found === "object" && found !== null && Object.hasOwn(found, name);
      if (!isThere) this.#fail(`"$ref" to ${target}, which is not there`, path);
      found = (found as Record<string, unknown>)[name];
    }
    return found;
  }

  #decoded(target: string, path: string): string {
    try {
      return decodeURIComponent(target);
    } catch {
      return this.#fail(`"$ref" to ${target}`, path);
    }
  }

  #oneOf(list: unknown, keyword: "anyOf" | "oneOf", path: string): GrammarNode {
    const schemas = this.#list(list, `${path}/${keyword}`);
    for (let i = 0; keyword === "oneOf" && i < schemas.length; i++) {
      const resolve = (schema: unknown) => this.#resolved(schema, path);
      const other = schemas.findIndex((one, k) => k < i && !areDisjoint(one, schemas[i], resolve));
      if (other >= 0) this.#fail(`"oneOf" where ${other} and ${i} may be one document`, path);
    }
    return choice(...schemas.map((schema, i) => this.#named(schema, `${path}/${keyword}/${i}`)));
  }

  /** A schema, or what it refers to. */
  #resolved(schema: unknown, path: string): unknown {
    for (let i = 0; isObject(schema) && schema.$ref !== undefined; i++) {
      if (i > DEPTH_MAX) this.#fail('"$ref" that leads nowhere', path);
      schema = this.#referred(schema.$ref, path);
    }
    return schema;
  }

  /** Of one schema, as generators wrap it to say something beside it. */
  #allOf(list: unknown, path: string): GrammarNode {
    const schemas = this.#list(list, `${path}/allOf`);
    if (schemas.length !== 1) this.#fail(`"allOf" of ${schemas.length} schemas`, path);
    return this.#named(schemas[0], `${path}/allOf/0`);
  }

  #values(values: readonly unknown[], schema: SchemaObject, path: string): GrammarNode {
    const types = schema.type === undefined ? SCHEMA_TYPES : this.#types(schema, path);
    return choice(
      ...values.filter((value) => types.some((type) => isOfType(value, type)))
        .map((value) => text(JSON.stringify(value))),
    );
  }

  #typed(schema: SchemaObject, path: string): GrammarNode {
    return choice(
      ...this.#types(schema, path).map((type) => {
        switch (type) {
          case "object":
            return this.#object(schema, path);
          case "array":
            return this.#array(schema, path);
          case "string":
            return this.#string(schema, path);
          case "integer":
          case "number":
            return this.#number(type, schema, path);
          default:
            return rule(type);
        }
      }),
    );
  }

  #types({ type, ...schema }: SchemaObject, path: string): readonly SchemaType[] {
    if (type === undefined) {
      const meant = (Object.keys(TYPE_KEYWORDS) as (keyof typeof TYPE_KEYWORDS)[])
        .filter((one) => TYPE_KEYWORDS[one].some((keyword) => Object.hasOwn(schema, keyword)));
      // Nothing said: any. The numbers have the whole ones among them.
      return meant.length > 0 ? meant : SCHEMA_TYPES.filter((one) => one !== "integer");
    }
    const types = Array.isArray(type) ? type : [type];
    const unknown = types.find((one) => !SCHEMA_TYPES.includes(one));
    if (unknown !== undefined) this.#fail(`"type" ${JSON.stringify(unknown)}`, path);
    return types;
  }

  #object(schema: SchemaObject, path: string): GrammarNode {
    const { properties = {}, required = [], additionalProperties: additional } = schema;
    if (!isObject(properties)) this.#fail('"properties" that are no object', path);
    if (!isAnyText(schema.propertyNames)) {
      this.#fail('"propertyNames" that not all texts are', path);
    }
    const names = Object.keys(properties);
    const needed = [...new Set(this.#list(required, `${path}/required`))] as string[];
    if (needed.some((name) => typeof name !== "string")) this.#fail('"required" names', path);
    const isOpen = additional === undefined ? names.length === 0 : additional !== false;
    const more = additional === undefined ? true : additional;
    const missing = needed.filter((name) => !names.includes(name));
    const pairs = [...names, ...missing].map((name) => {
      const isNamed = Object.hasOwn(properties, name);
      const value = isNamed
        ? this.#named(properties[name], `${path}/properties/${escapedName(name)}`)
        : this.#named(more, `${path}/additionalProperties`);
      return { pair: member(text(JSON.stringify(name)), value), isNeeded: needed.includes(name) };
    });
    if (!isOpen) return this.#members(pairs, undefined, path);
    const value = this.#named(more, `${path}/additionalProperties`);
    const key = quoted(keyOtherThan([...names, ...missing]));
    return this.#members(pairs, member(key, value), path);
  }

  /**
   * Members in their order: the first that is there stands alone, all others behind a comma. What
   * may follow the first `i` is a rule, so that the size grows with the members, not their choices.
   */
  #members(
    pairs: readonly { pair: GrammarNode; isNeeded: boolean }[],
    more: GrammarNode | undefined,
    path: string,
  ): GrammarNode {
    // No schema has a path that does not begin with "#".
    const nameOf = (i: number) => `after ${i} of ${path}`;
    const rest = (i: number) => rule(nameOf(i));
    const last = more ? repeat(sequence(comma, more), 0) : text("");
    this.rules.set(nameOf(pairs.length), last);
    pairs.forEach(({ pair, isNeeded }, i) => {
      const follower = sequence(comma, pair);
      const here = isNeeded ? follower : optional(follower);
      this.rules.set(nameOf(i), sequence(here, rest(i + 1)));
    });
    const firstNeeded = pairs.findIndex(({ isNeeded }) => isNeeded);
    const options = pairs.slice(0, firstNeeded < 0 ? undefined : firstNeeded + 1)
      .map(({ pair }, i) => sequence(pair, rest(i + 1), gap));
    if (firstNeeded < 0) {
      if (more) options.push(sequence(more, rest(pairs.length), gap));
      options.push(text(""));
    }
    return sequence(text("{"), gap, choice(...options), text("}"));
  }

  #array(schema: SchemaObject, path: string): GrammarNode {
    const first = this.#list(schema.prefixItems ?? [], `${path}/prefixItems`);
    const least = this.#count(schema, "minItems", 0, path);
    let most = this.#count(schema, "maxItems", Infinity, path);
    if (schema.items === false) most = Math.min(most, first.length);
    if (least > most) return choice();
    const heads = first.map((item, i) => this.#named(item, `${path}/prefixItems/${i}`))
      .slice(0, most);
    const item = this.#named(schema.items ?? true, `${path}/items`);
    const rest = most - heads.length;
    let list = repeat(sequence(comma, item), Math.max(least - heads.length, 0), rest);
    for (let i = heads.length - 1; i >= 0; i--) {
      list = sequence(i > 0 ? comma : text(""), heads[i]!, list);
      if (i >= least) list = optional(list);
    }
    if (heads.length === 0 && most > 0) {
      const others = repeat(sequence(comma, item), Math.max(least - 1, 0), most - 1);
      list = sequence(item, others);
      if (least === 0) list = optional(list);
    }
    return sequence(text("["), gap, list, gap, text("]"));
  }

  #string(schema: SchemaObject, path: string): GrammarNode {
    const { pattern, format } = schema;
    const least = this.#count(schema, "minLength", 0, path);
    const most = this.#count(schema, "maxLength", Infinity, path);
    const [source, isSearch] = this.#expression(pattern, format, path);
    if (source === undefined) {
      if (least === 0 && most === Infinity) return rule("string");
      return least > most ? choice() : quoted(repeat(stringCharacter, least, most));
    }
    const beside = ["minLength", "maxLength", ...(isSearch ? ["format"] : [])]
      .find((keyword) => Object.hasOwn(schema, keyword));
    if (beside !== undefined) {
      this.#fail(`"${beside}" beside "${isSearch ? "pattern" : "format"}"`, path);
    }
    return quoted(escaped(parseRegex(source, isSearch)));
  }

  #expression(pattern: unknown, format: unknown, path: string): [string | undefined, boolean] {
    if (pattern !== undefined) {
      if (typeof pattern !== "string") this.#fail('"pattern" that is no text', path);
      return [pattern, true];
    }
    if (format === undefined) return [undefined, false];
    if (typeof format !== "string" || !Object.hasOwn(FORMATS, format)) {
      this.#fail(`"format" ${JSON.stringify(format)}`, path);
    }
    return [FORMATS[format], false];
  }

  #number(type: "integer" | "number", schema: SchemaObject, path: string): GrammarNode {
    const bounds: Record<string, number> = {};
    for (const keyword of TYPE_KEYWORDS.number) {
      const value = schema[keyword];
      if (value === undefined) continue;
      if (typeof value !== "number" || !isExact(value)) {
        this.#fail(`"${keyword}" ${JSON.stringify(value)}`, path);
      }
      bounds[keyword] = value;
    }
    if (Object.keys(bounds).length === 0) return rule(type);
    return type === "integer"
      ? integersWithin(bounds as NumberBounds)
      : numbersWithin(bounds as NumberBounds);
  }

  #count(schema: SchemaObject, keyword: string, fallback: number, path: string): number {
    const value = schema[keyword] ?? fallback;
    const isCount = value === fallback ||
      Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= REPETITIONS_MAX;
    if (!isCount) this.#fail(`"${keyword}" ${JSON.stringify(value)}`, path);
    return value as number;
  }

  #list(value: unknown, path: string): readonly unknown[] {
    if (!Array.isArray(value)) this.#fail("what is no list", path);
    return value;
  }

  #fail(what: string, path: string): never {
    throw new GrammarError(`Cannot follow ${what} at ${path} of the JSON schema`);
  }
}

/** Whether a schema is one of all texts, as zod writes it of records. */
function isAnyText(schema: unknown = true): boolean {
  return schema === true || isObject(schema) &&
      Object.entries(schema).every(([keyword, value]) =>
        ANNOTATIONS.has(keyword) || keyword === "type" && value === "string"
      );
}

/** A name as a part of a path, as a `$ref` has it (RFC 6901, section 3 and 6). */
function escapedName(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1").replaceAll("%", "%25");
}

function isObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isOfType(value: unknown, type: SchemaType): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "integer":
      return Number.isInteger(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    default: {
      const typeName: string = typeof value;
      return typeName === type;
    }
  }
}

/** Content of a key that is none of these; it is written without escapes. */
function keyOtherThan(names: readonly string[]): GrammarNode {
  const plain = (not: readonly string[]) => {
    const codes = not.map((one) => one.codePointAt(0)!);
    return oneOf(...otherThan([[0, 0x1f], [0x22, 0x22], [0x5c, 0x5c], ...codes.map(same)]));
  };
  const same = (code: number): [number, number] => [code, code];
  const tail = repeat(plain([]), 0);
  const build = (rests: readonly string[]): GrammarNode => {
    const begins = [...new Set(rests.filter((rest) => rest !== "").map((rest) => [...rest][0]!))];
    const options = [sequence(plain(begins), tail)];
    if (!rests.includes("")) options.push(text(""));
    for (const first of begins) {
      // A name with what has to be escaped can be no key that is written without escapes.
      if (JSON.stringify(first).length !== first.length + 2) continue;
      const next = rests.filter((rest) => rest.startsWith(first))
        .map((rest) => rest.slice(first.length));
      options.push(sequence(text(first), build(next)));
    }
    return choice(...options);
  };
  return build(names);
}
