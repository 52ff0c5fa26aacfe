// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

type Schema = boolean | Readonly<Record<string, unknown>>;

/**
 * Whether a document is valid, for the keywords that the library follows; written after the
 * specification of JSON Schema 2020-12 with no regard to how documents are made.
 */
export function isValid(schema: unknown, value: unknown, root: unknown = schema): boolean {
  if (typeof schema === "boolean") return schema;
  const s = schema as Readonly<Record<string, unknown>>;
  const of = (inner: unknown, one: unknown) => isValid(inner, one, root);
  if (s.$ref !== undefined && !of(resolve(root, s.$ref as string), value)) return false;
  if (s.type !== undefined && ![s.type].flat().some((type) => isType(type, value))) return false;
  if (s.enum !== undefined && !(s.enum as unknown[]).some((one) => isEqual(one, value))) {
    return false;
  }
  if ("const" in s && !isEqual(s.const, value)) return false;
  const count = (list: unknown) => (list as Schema[]).filter((one) => of(one, value)).length;
  if (s.anyOf !== undefined && count(s.anyOf) === 0) return false;
  if (s.oneOf !== undefined && count(s.oneOf) !== 1) return false;
  if (typeof value === "string") return isValidString(s, value);
  if (typeof value === "number") return isValidNumber(s, value);
  if (Array.isArray(value)) return isValidArray(s, value, of);
  if (value !== null && typeof value === "object") return isValidObject(s, value, of);
  return true;
}

type Fields = Readonly<Record<string, unknown>>;
type Check = (schema: unknown, value: unknown) => boolean;

// Data: formats, as ajv-formats has them.
const FORMATS: Record<string, RegExp> = {
  "date": /^\d{4}-[01]\d-[0-3]\d$/,
  "time": /^[0-2]\d:[0-5]\d:[0-6]\d(\.\d+)?(Z|[+-][0-2]\d:[0-5]\d)$/,
  "date-time": /^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\d(\.\d+)?(Z|[+-][0-2]\d:[0-5]\d)$/,
  "uuid": /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
  "ipv4": /^((25[0-5]|2[0-4]\d|1?\d?\d)(\.(?!$)|$)){4}$/,
  "email": /^[a-z0-9._+-]+@[a-z0-9-]+(\.[a-z0-9-]+)+$/i,
  "hostname": /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i,
};

function isValidString(s: Fields, value: string): boolean {
  const length = [...value].length;
  const { minLength = 0, maxLength = Infinity, pattern, format } = s;
  return length >= (minLength as number) && length <= (maxLength as number) &&
    (pattern === undefined || new RegExp(pattern as string, "u").test(value)) &&
    (format === undefined || FORMATS[format as string]!.test(value));
}

function isValidNumber(s: Fields, value: number): boolean {
  const { minimum = -Infinity, maximum = Infinity } = s as Record<string, number>;
  const { exclusiveMinimum = -Infinity, exclusiveMaximum = Infinity } = s as Record<string, number>;
  return value >= minimum && value <= maximum && value > exclusiveMinimum &&
    value < exclusiveMaximum && Number.isFinite(value);
}

function isValidArray(s: Fields, value: unknown[], of: Check): boolean {
  const { minItems = 0, maxItems = Infinity, items = true } = s;
  const first = (s.prefixItems ?? []) as unknown[];
  return value.length >= (minItems as number) && value.length <= (maxItems as number) &&
    value.every((one, i) => of(i < first.length ? first[i] : items, one));
}

function isValidObject(s: Fields, value: object, of: Check): boolean {
  const properties = (s.properties ?? {}) as Record<string, unknown>;
  const required = (s.required ?? []) as string[];
  return required.every((name) => Object.hasOwn(value, name)) &&
    Object.entries(value).every(([name, one]) =>
      of(Object.hasOwn(properties, name) ? properties[name] : s.additionalProperties ?? true, one)
    );
}

function isType(type: unknown, value: unknown): boolean {
  if (type === "integer") return Number.isInteger(value);
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  const name: string = typeof value;
  return name === type && (type !== "object" || value !== null && !Array.isArray(value));
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function resolve(root: unknown, ref: string): unknown {
  return ref.split("/").slice(1)
    .reduce((found, name) => (found as Record<string, unknown>)[name], root);
}
