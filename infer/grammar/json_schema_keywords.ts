// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A schema that is an object. */
export type SchemaObject = Readonly<Record<string, unknown>>;

/** Types of JSON Schema. */
export const SCHEMA_TYPES = [
  ...["null", "boolean", "integer", "number", "string", "array", "object"] as const,
];

/** One of them. */
export type SchemaType = (typeof SCHEMA_TYPES)[number];

/** Keywords that say something about values of one type. */
// Data: type, keywords; `number` counts for whole numbers too.
// deno-fmt-ignore
export const TYPE_KEYWORDS = {
  object: ["properties", "required", "additionalProperties", "propertyNames"],
  array:  ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
} as const;

/** Keywords that stand for a whole schema: beside them only annotations and `type` may stand. */
export const WHOLE_KEYWORDS = ["$ref", "anyOf", "oneOf", "allOf", "enum", "const"] as const;

/** Keywords that say nothing about a document; `discriminator` is OpenAPI's, beside `oneOf`. */
export const ANNOTATIONS: ReadonlySet<string> = new Set([
  ...["title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"],
  ...["$schema", "$id", "$comment", "$defs", "definitions", "discriminator"],
]);

/** All that are understood. */
export const KEYWORDS: ReadonlySet<string> = new Set([
  ...ANNOTATIONS,
  ...WHOLE_KEYWORDS,
  ...["type"],
  ...Object.values(TYPE_KEYWORDS).flat(),
]);

const DATE = "\\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|" +
  "(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-8]))";
const TIME = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?" +
  "(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
const BYTE = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,20}[A-Za-z0-9])?";

/** Formats, as regular expressions that some of their texts match: RFC 3339, 2673, 9562, 5321. */
// Data: name, expression.
// deno-fmt-ignore
export const FORMATS: Readonly<Record<string, string>> = {
  "date":      DATE,
  "time":      TIME,
  "date-time": `${DATE}T${TIME}`,
  "ipv4":      `${BYTE}(?:\\.${BYTE}){3}`,
  "uuid":      "[\\da-f]{8}-[\\da-f]{4}-[1-8][\\da-f]{3}-[89ab][\\da-f]{3}-[\\da-f]{12}",
  "hostname":  `${LABEL}(?:\\.${LABEL}){0,4}`,
  "email":     `[a-z0-9]{1,16}(?:[._+-][a-z0-9]{1,16}){0,3}@${LABEL}(?:\\.${LABEL}){1,3}`,
};
