import * as z from 'zod';
import { innerDef, kindOfSchema, type Kind } from './schema.ts';

/** The value that a text stands for, or the rule that it breaks. Values still have to pass the schema. */
export type TextValue = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly rule: string };

const YES = new Set(['true', '1', 'yes', 'on']);
const NO = new Set(['false', '0', 'no', 'off']);
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;

const value = (result: unknown): TextValue => ({ ok: true, value: result });
const broken = (rule: string): TextValue => ({ ok: false, rule });

/** Reads the text of a variable or a flag as the schema's own kind says; nothing is guessed from the text itself. */
export function readText(schema: z.core.$ZodType, kind: Kind, text: string): TextValue {
  switch (kind) {
    case 'string':
      return value(text);
    case 'number':
      return readNumber(text);
    case 'bigint':
      return /^-?\d+$/.test(text) ? value(BigInt(text)) : broken('must be a whole decimal number');
    case 'boolean': {
      const word = text.toLowerCase();
      return YES.has(word) || NO.has(word) ? value(YES.has(word)) : broken('must be one of true, false, 1, 0, yes, no, on, off');
    }
    case 'duration':
      return value(/^\d+$/.test(text) ? Number(text) : text);
    case 'choice':
      return readChoice(schema, text);
    case 'list':
      return text.startsWith('[') ? readJson(text) : readList(schema, text);
    case 'json':
      return readJson(text);
  }
}

// '0x10', '010', '1e3', '1_000', ' 1' and '' are refused: whoever wrote them may have meant something else.
function readNumber(text: string): TextValue {
  if (!DECIMAL.test(text)) return broken('must be a plain decimal number');
  const number = Number(text);
  const exact = text.includes('.') ? Number.isFinite(number) : Number.isSafeInteger(number);
  return exact ? value(number) : broken('is beyond the numbers that can be held exactly (2^53)');
}

function readList(schema: z.core.$ZodType, text: string): TextValue {
  const { element } = innerDef(schema) as z.core.$ZodArrayDef;
  const kind = kindOfSchema(element, '');
  const items: unknown[] = [];
  for (const [index, part] of text.split(',').entries()) {
    if (part.trim() === '') return broken(`has an empty item at position ${index + 1}; items are separated by single commas`);
    const item = readText(element, kind, part.trim());
    if (!item.ok) return broken(`item ${index + 1} ${item.rule}`);
    items.push(item.value);
  }
  return value(items);
}

function readJson(text: string): TextValue {
  try {
    return value(JSON.parse(text));
  } catch {
    // The parser's own message quotes the text, which may be a secret.
    return broken('must be JSON');
  }
}

/** An enum, a literal or a union of simple kinds: the first option whose own reading of the text is accepted. */
function readChoice(schema: z.core.$ZodType, text: string): TextValue {
  const def = innerDef(schema);
  if (def.type === 'literal') return value(def.values.find((literal) => String(literal) === text) ?? text);
  if (def.type === 'enum') return value(Object.values(def.entries).find((entry) => String(entry) === text) ?? text);
  if (def.type === 'union') {
    for (const option of def.options) {
      const read = readText(option, kindOfSchema(option, ''), text);
      if (read.ok && z.safeParse(option, read.value).success) return read;
    }
  }
  return value(text);
}
