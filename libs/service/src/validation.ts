import type { FastifyInstance, FastifySchemaCompiler, RouteOptions } from 'fastify';
import { z } from 'zod';

import { LooseSchemaError, MalformedBodyError, ValidationError, type FieldError } from './errors.ts';

// JSON.parse copes with any depth, but what comes after it (validation, JSON.stringify) recurses and would overflow
// the stack. Real documents stay below 20.
const MAX_JSON_DEPTH = 64;

// A response needs to show what to mend, not to repeat a megabyte of unknown keys.
const MAX_ERRORS = 20;
const MAX_FIELD_LENGTH = 200;

const PART: Readonly<Record<string, FieldError['in']>> = { body: 'body', querystring: 'query', params: 'path', headers: 'header' };

// A number that is refused may be as long as the body.
const MAX_SHOWN_DIGITS = 40;

/** Reads bodies strictly: UTF-8 or nothing, bounded depth, no `__proto__`, no number that would be rounded away. An empty body is `undefined`, for schemas to judge. */
export function parseJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (body.length === 0) return done(null, undefined);
    let text: string;
    try {
      text = utf8.decode(body);
    } catch {
      return done(new MalformedBodyError('is not valid UTF-8'));
    }
    if (isDeeperThan(text, MAX_JSON_DEPTH)) return done(new MalformedBodyError(`is nested deeper than ${MAX_JSON_DEPTH} levels`));
    void parse(request, text, (error, value) => {
      const number = error ? undefined : inexactNumber(text);
      if (number === undefined) done(error, value);
      else done(new MalformedBodyError(`holds ${number.slice(0, MAX_SHOWN_DIGITS)}, which would be rounded: send it as text`, pathTo(Number(number), value)));
    });
  });
}

function isDeeperThan(json: string, limit: number): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < json.length; index++) {
    const char = json.charCodeAt(index);
    if (quoted) {
      if (char === 0x5c /* \ */) index++;
      else if (char === 0x22 /* " */) quoted = false;
    } else if (char === 0x22) quoted = true;
    else if (char === 0x5b /* [ */ || char === 0x7b /* { */) {
      if (++depth > limit) return true;
    } else if (char === 0x5d /* ] */ || char === 0x7d /* } */) depth--;
  }
  return false;
}

const LONG_NUMBER = /\d{16}|[eE]\+?\d{3}/;
const NUMBER = /-?[\d.eE+-]+/y;

/**
 * The first number of a JSON text that JSON.parse makes another one: ids of 64 bits lose their last digits, 1e400 becomes
 * Infinity and then null. Fractions are taken as they come; everybody rounds them.
 */
function inexactNumber(json: string): string | undefined {
  if (!LONG_NUMBER.test(json)) return undefined;
  let quoted = false;
  for (let index = 0; index < json.length; index++) {
    const char = json.charCodeAt(index);
    if (char === 0x22 /* " */) quoted = !quoted;
    else if (quoted && char === 0x5c /* \ */) index++;
    else if (!quoted && (char === 0x2d /* - */ || (char >= 0x30 /* 0 */ && char <= 0x39 /* 9 */))) {
      NUMBER.lastIndex = index;
      const text = NUMBER.exec(json)![0];
      if (/^-?\d+$/.test(text) ? !Number.isSafeInteger(Number(text)) : !Number.isFinite(Number(text))) return text;
      index += text.length - 1;
    }
  }
  return undefined;
}

/** Dotted path of the first place of a number in a value. */
function pathTo(number: number, value: unknown): string | undefined {
  if (value === number) return '';
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, child] of Object.entries(value)) {
    const rest = pathTo(number, child);
    if (rest !== undefined) return (rest === '' ? key : `${key}.${rest}`).slice(0, MAX_FIELD_LENGTH);
  }
  return undefined;
}

/** Fastify's validator compiler for zod. Every issue becomes one {@link FieldError}, one per key for unknown keys. */
export const zodValidator: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const part = PART[httpPart ?? 'body'] ?? 'body';
  return (data) => {
    const result = schema.safeParse(data);
    if (result.success) return { value: result.data };
    const [first, ...rest] = result.error.issues.slice(0, MAX_ERRORS).flatMap((issue) => fieldErrors(issue, part));
    return { error: new ValidationError([first!, ...rest.slice(0, MAX_ERRORS - 1)]) };
  };
};

function fieldErrors(issue: z.core.$ZodIssue, part: FieldError['in']): FieldError[] {
  const fieldOf = (path: readonly PropertyKey[]): string => path.map(String).join('.').slice(0, MAX_FIELD_LENGTH);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: fieldOf([...issue.path, key]), in: part, rule: issue.code, message: 'is not a known key' }));
  }
  return [{ field: fieldOf(issue.path), in: part, rule: issue.code, message: issue.message }];
}

/**
 * Refuses routes whose body or query schema holds a plain `z.object()`: it drops unknown keys in silence, so a
 * caller's typing error would look like success.
 */
export function requireStrictSchemas(app: FastifyInstance): void {
  app.addHook('onRoute', (route: RouteOptions) => {
    const { body, querystring } = route.schema ?? {};
    for (const [part, schema] of Object.entries({ body, querystring })) {
      const loose = schema instanceof z.core.$ZodType ? findLooseObject(schema, part, new Set()) : undefined;
      if (loose) throw new LooseSchemaError(`${String(route.method)} ${route.url}`, loose);
    }
  });
}

function findLooseObject(schema: z.core.$ZodType, path: string, seen: Set<z.core.$ZodType>): string | undefined {
  if (seen.has(schema)) return undefined;
  seen.add(schema);
  const { def } = schema as z.core.$ZodType & { readonly def: z.core.$ZodTypes['_zod']['def'] };
  const search = (children: Iterable<readonly [string, z.core.$ZodType | null | undefined]>): string | undefined => {
    for (const [key, child] of children) {
      const found = child && findLooseObject(child, key ? `${path}.${key}` : path, seen);
      if (found) return found;
    }
    return undefined;
  };
  switch (def.type) {
    case 'object':
      return def.catchall ? search(Object.entries(def.shape)) : path;
    case 'array':
      return search([['[]', def.element]]);
    case 'record':
      return search([['*', def.valueType]]);
    case 'tuple':
      return search(def.items.map((item, index) => [String(index), item] as const));
    case 'union':
      return search(def.options.map((option) => ['', option] as const));
    case 'intersection':
      return search([['', def.left], ['', def.right]]);
    case 'pipe':
      return search([['', def.in]]);
    case 'lazy':
      return search([['', def.getter()]]);
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'readonly':
    case 'catch':
      return search([['', def.innerType]]);
    default:
      return undefined;
  }
}
