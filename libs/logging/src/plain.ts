import { types } from 'node:util';
import { REDACTED, type Redactor } from './redact.ts';

/** What JSON can hold. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

/** Bytes of JSON that may still be written; shared by all parts of one line. */
export interface Budget {
  bytes: number;
}

// Deeper than any useful log field; deep enough for an HTTP client's error (error.config.headers.…).
const DEEPEST = 6;
// One field may not push the others out of the line.
const LONGEST_TEXT = 8_192;
const LONGEST_KEY = 128;
const MOST_ENTRIES = 200;

const CUT = '[truncated]';
// The most that one character can become: \u0000.
const BYTES_PER_CHARACTER = 6;

/** Takes a text's JSON bytes out of the budget; returns as much of the text as there was room for. */
export function spendText(text: string, budget: Budget): string {
  const bytes = Buffer.byteLength(JSON.stringify(text)) + 1;
  if (bytes <= budget.bytes) {
    budget.bytes -= bytes;
    return text;
  }
  const fitting = Math.floor(budget.bytes / BYTES_PER_CHARACTER) - CUT.length;
  budget.bytes = 0;
  return fitting > 0 ? text.slice(0, fitting) + CUT : CUT;
}

/**
 * Copies any value into plain data: redacted, at most 6 levels deep, within the budget. It never throws, calls no getter
 * (`toJSON` it does call: that is how classes say what may be shown) and does not touch proxies.
 */
export function toPlain(value: unknown, redactor: Redactor, budget: Budget): Plain {
  const ancestors: object[] = [];

  const text = (raw: string, limit = LONGEST_TEXT): string => spendText(redactor.text(raw, limit), budget);

  const visit = (node: unknown): Plain => {
    switch (typeof node) {
      case 'string':
        return text(node);
      case 'number':
        budget.bytes -= String(node).length + 1;
        return Number.isFinite(node) ? node : String(node);
      case 'boolean':
        budget.bytes -= 6;
        return node;
      case 'undefined':
        budget.bytes -= 5;
        return null;
      case 'bigint':
      case 'symbol':
        return text(String(node));
      case 'function':
        return text('[function]');
      case 'object':
        return node === null ? null : visitObject(node);
    }
  };

  const visitObject = (node: object): Plain => {
    if (types.isProxy(node)) return text('[proxy]');
    if (ancestors.includes(node)) return text('[circular]');
    ancestors.push(node);
    try {
      return describe(node);
    } catch {
      // A prototype that is a proxy, a toJSON that throws: foreign code may do anything.
      return text('[unreadable]');
    } finally {
      ancestors.pop();
    }
  };

  const describe = (node: object): Plain => {
    if (method(node, 'reveal')) return text(REDACTED);
    const scalar = scalarOf(node);
    if (scalar !== undefined) return visit(scalar);
    if (ancestors.length > DEEPEST) return text(Array.isArray(node) ? '[array]' : '[object]');
    if (Array.isArray(node)) return list(node.length, node);
    if (node instanceof Set) return list(node.size, node);
    if (node instanceof Map || isHeaders(node)) return record(node.entries());
    if (Error.isError(node)) return record(errorEntries(node));
    const toJson = method(node, 'toJSON');
    return toJson ? visit(toJson.call(node)) : record(ownEntries(node));
  };

  const list = (length: number, items: Iterable<unknown>): Plain => {
    const result: Plain[] = [];
    let previous: unknown;
    for (const item of items) {
      if (result.length === MOST_ENTRIES || budget.bytes <= 0) {
        result.push(text(`… ${length - result.length} more`));
        break;
      }
      // [name, value, name, value]: how Node and undici keep raw headers.
      const hidden = typeof previous === 'string' && typeof item === 'string' && redactor.hides(previous, item);
      result.push(hidden ? text(REDACTED) : visit(item));
      previous = hidden ? undefined : item;
    }
    return result;
  };

  const record = (entries: Iterable<readonly [unknown, unknown]>): Plain => {
    // No prototype: a key `__proto__` is then a key like any other.
    const result = Object.create(null) as Record<string, Plain>;
    let size = 0;
    let label: unknown;
    for (const [key, item] of entries) {
      if (size++ === MOST_ENTRIES || budget.bytes <= 0) {
        result['…'] = text('more entries');
        break;
      }
      if (item === undefined) continue;
      const name = typeof key === 'string' ? key : JSON.stringify(visit(key));
      // { name: 'authorization', value: 'x' }: how HAR files and form fields are kept.
      if (name === 'name' || name === 'key') label = item;
      const hidden = redactor.hides(name, item) || (name === 'value' && typeof label === 'string' && redactor.hides(label, item));
      result[text(name, LONGEST_KEY)] = hidden ? text(REDACTED) : visit(item);
    }
    return result;
  };

  return visit(value);
}

/** Own enumerable properties. A getter is named, not called: it may throw, query or change something. */
export function* ownEntries(object: object): Generator<readonly [string, unknown]> {
  for (const key of Object.keys(object)) {
    const property = Object.getOwnPropertyDescriptor(object, key);
    yield [key, property && 'value' in property ? property.value : '[getter]'];
  }
}

function* errorEntries(error: Error): Generator<readonly [string, unknown]> {
  yield ['type', read(error, 'name')];
  yield ['message', read(error, 'message')];
  yield ['stack', read(error, 'stack')];
  yield* ownEntries(error);
  yield ['cause', read(error, 'cause')];
  yield ['errors', read(error, 'errors')];
}

/** A property of a foreign object, through a getter if need be; undefined when that throws. */
export function read(object: unknown, key: string): unknown {
  if (typeof object !== 'object' || object === null || types.isProxy(object)) return undefined;
  try {
    return (object as Record<string, unknown>)[key];
  } catch {
    return undefined;
  }
}

/** A method that is a plain property, own or inherited. */
function method(object: object, name: string): (() => unknown) | undefined {
  for (let holder: object | null = object; holder !== null && holder !== Object.prototype; holder = Object.getPrototypeOf(holder) as object | null) {
    const property = Object.getOwnPropertyDescriptor(holder, name);
    if (property) return typeof property.value === 'function' ? (property.value as () => unknown) : undefined;
  }
  return undefined;
}

// `instanceof Headers` would load all of fetch, 30 ms, with the first line of every process.
function isHeaders(node: object): node is Headers {
  return Object.prototype.toString.call(node) === '[object Headers]';
}

/** Objects that stand for one value. Binary data is only measured: it may be a key. */
function scalarOf(node: object): unknown {
  if (node instanceof Date) return Number.isNaN(node.getTime()) ? 'Invalid Date' : Date.prototype.toISOString.call(node);
  if (ArrayBuffer.isView(node) || types.isAnyArrayBuffer(node)) return `[binary ${node.byteLength} bytes]`;
  if (node instanceof URL) return node.href;
  if (node instanceof URLSearchParams) return node.toString();
  if (types.isRegExp(node)) return String(node);
  if (types.isBoxedPrimitive(node)) return (node as { valueOf(): unknown }).valueOf();
  if (types.isPromise(node)) return '[promise]';
  return undefined;
}
