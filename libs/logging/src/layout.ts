import { types } from 'node:util';
import type { ContextFields, LogFields } from '@staddle/kernel';
import { errorFields, messageOf } from './error-fields.ts';
import { ownEntries, spendText, toPlain, type Budget, type Plain } from './plain.ts';
import { REDACTED, type Redactor } from './redact.ts';

/** Fields of a child logger, made plain once and repeated in each of its lines. */
export interface Bound {
  readonly top: Readonly<Record<string, Plain>>;
  readonly data: Readonly<Record<string, Plain>>;
  /** JSON bytes that they take of every line. */
  readonly bytes: number;
}

export interface Layout {
  /** The fields of one line, without level, time and service. */
  line(fields: unknown, message: unknown, context: ContextFields, bound: Bound): Record<string, Plain>;
  bind(fields: unknown, parent: Bound): Bound;
}

export const UNBOUND: Bound = { top: {}, data: {}, bytes: 0 };

// Collectors cut or refuse longer lines (Docker's json-file splits at 16 KB, Elasticsearch keywords end at 32 KB); 64 KB is what Loki and Vector take
// by default. The difference is for the fixed fields and for the marks of what was cut.
const LINE_BYTES = 65_536 - 4_096;
const BOUND_BYTES = 16_384;
const LONGEST_MESSAGE = 8_192;
const LONGEST_KEYWORD = 256;
const MOST_CONTEXT_FIELDS = 20;

// Field sets of the Elastic Common Schema that callers may write to; all others belong to the logger itself.
const ECS_NAME = /^(?:client|destination|event|host|http|labels|network|process|source|span|trace|transaction|url|user|user_agent)(?:\.[a-z0-9_]+)+$/;
// pino writes keys unescaped, so only plain names may stand at the top; and it takes an object with method, headers and socket for a request.
const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/;
const OWN_NAME = /^(?:message|data|socket|(?:log|service|error|ecs)(?:\..*)?)$/;

/**
 * Lays fields out after the Elastic Common Schema, so that an index can have one fixed mapping:
 * the message, context fields and dotted ECS names at the top, an `err` in `error.*`, everything else under `data`.
 */
export function createLayout(redactor: Redactor): Layout {
  const keyword = (name: string, value: string | number | boolean, budget: Budget): Plain => {
    budget.bytes -= name.length + 4;
    if (redactor.hides(name, value)) return spendText(REDACTED, budget);
    return typeof value === 'string' ? spendText(redactor.text(value, LONGEST_KEYWORD), budget) : toPlain(value, redactor, budget);
  };

  /** Splits fields into those for the top and those for `data`. */
  const sort = (fields: LogFields, top: Record<string, Plain>, budget: Budget): Record<string, unknown> => {
    const rest = Object.create(null) as Record<string, unknown>;
    for (const [name, value] of ownEntries(fields)) {
      if (isScalar(value) && ECS_NAME.test(name) && name.length <= 64) top[name] = keyword(name, value, budget);
      else rest[name] = value;
    }
    return rest;
  };

  return {
    line(given, givenMessage, context, bound) {
      const { fields, message } = normalise(given, givenMessage);
      const budget: Budget = { bytes: LINE_BYTES - bound.bytes };
      const top = Object.create(null) as Record<string, Plain>;
      top['message'] = spendText(redactor.text(messageOf(message, redactor), LONGEST_MESSAGE), budget);

      const overflow = Object.create(null) as Record<string, unknown>;
      let room = MOST_CONTEXT_FIELDS;
      for (const [name, value] of ownEntries(context)) {
        if (room > 0 && isScalar(value) && PLAIN_NAME.test(name) && !OWN_NAME.test(name)) {
          top[name] = keyword(name, value, budget);
          room--;
        } else overflow[name] = value;
      }
      Object.assign(top, bound.top);
      const rest = sort(fields, top, budget);

      const error = Object.getOwnPropertyDescriptor(fields, 'err')?.value as unknown;
      let errorData: Plain | undefined;
      if (error !== undefined && error !== null) {
        delete rest['err'];
        const { type, message: errorMessage, code, stackTrace, data } = errorFields(error, redactor, budget);
        top['error.type'] = type;
        top['error.message'] = errorMessage;
        if (code !== undefined) top['error.code'] = code;
        if (stackTrace !== undefined) top['error.stack_trace'] = stackTrace;
        errorData = data;
      }

      const data = { ...(toPlain(overflow, redactor, budget) as object), ...bound.data, ...(toPlain(rest, redactor, budget) as object), ...(errorData === undefined ? {} : { err: errorData }) };
      if (Object.keys(data).length > 0) top['data'] = data;
      return top;
    },

    bind(given, parent) {
      const { fields } = normalise(given, '');
      const budget: Budget = { bytes: BOUND_BYTES - parent.bytes };
      const top = { ...parent.top };
      const rest = sort(fields, top, budget);
      const data = { ...parent.data, ...(toPlain(rest, redactor, budget) as Record<string, Plain>) };
      return { top, data, bytes: BOUND_BYTES - budget.bytes };
    },
  };
}

/** Frameworks call loggers in pino's other ways too: `info('text')`, `error(error, 'text')`. Those make a line as well. */
function normalise(given: unknown, message: unknown): { fields: LogFields; message: unknown } {
  if (types.isProxy(given)) return { fields: { fields: '[proxy]' }, message };
  if (typeof given !== 'object' || given === null) return { fields: {}, message: message ?? given ?? '' };
  if (Error.isError(given)) return { fields: { err: given }, message: message ?? given.message };
  return { fields: given as LogFields, message: message ?? '' };
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
