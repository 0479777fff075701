import { formatDuration } from '@staddle/kernel';
import * as z from 'zod';
import { ConfigSchemaError } from './errors.ts';
import { traits, type Trait } from './kinds.ts';

/** How the text of a variable or a flag becomes a value. `json` is every structure that has no plain text form. */
export type Kind = 'string' | 'number' | 'bigint' | 'boolean' | 'duration' | 'choice' | 'list' | 'json';

/** A leaf of the schema: something that has one value and one variable. */
export interface Setting {
  readonly isSection: false;
  readonly key: string;
  readonly env: string;
  readonly schema: z.core.$ZodType;
  readonly kind: Kind;
  /** Never shown, not even in part. */
  readonly secret: boolean;
  readonly required: boolean;
  readonly trait: Trait;
  readonly defaultValue: unknown;
  readonly doc: string | undefined;
  readonly unit: string | undefined;
  readonly deprecated: boolean;
}

/** A group of settings: an object in the schema. */
export interface Section {
  readonly isSection: true;
  readonly key: string;
  /** False when it may be missing as a whole. */
  readonly required: boolean;
  readonly children: ReadonlyMap<string, Setting | Section>;
}

export interface Shape {
  readonly root: Section;
  readonly sections: ReadonlyMap<string, Section>;
  readonly settings: ReadonlyMap<string, Setting>;
  readonly byEnv: ReadonlyMap<string, Setting>;
}

/** One row of a settings table. */
export interface SettingRow {
  readonly key: string;
  readonly env: string;
  /** `string`, `integer`, `duration`, `list of string`, `debug | info`… */
  readonly type: string;
  /** As one would write it; undefined when there is none. */
  readonly default: string | undefined;
  readonly required: boolean;
  readonly secret: boolean;
  readonly unit: string | undefined;
  readonly doc: string;
}

export interface SettingsOptions {
  /** First part of every variable's name. Default `STADDLE_`. */
  readonly prefix?: string;
}

export const DEFAULT_PREFIX = 'STADDLE_';

/**
 * All settings of a schema in the order of declaration, for READMEs and `.env.example`.
 * @throws ConfigSchemaError (`ERR_CONFIG_SCHEMA`)
 */
export function settings(schema: z.ZodObject, { prefix = DEFAULT_PREFIX }: SettingsOptions = {}): readonly SettingRow[] {
  return Array.from(readSchema(schema, prefix).settings.values(), (setting) => ({
    key: setting.key,
    env: setting.env,
    type: typeName(setting.schema, setting.kind),
    default: defaultText(setting),
    required: setting.required && defaultText(setting) === undefined,
    secret: setting.secret,
    unit: setting.unit,
    doc: setting.doc ?? '',
  }));
}

/** Finds the sections and settings of a schema. @throws ConfigSchemaError (`ERR_CONFIG_SCHEMA`) */
export function readSchema(schema: z.ZodObject, prefix: string): Shape {
  const sections = new Map<string, Section>();
  const found = new Map<string, Setting>();
  const byEnv = new Map<string, Setting>();

  const readSection = (object: z.core.$ZodObject, path: readonly string[], outer: Wrapping): Section => {
    const children = new Map<string, Setting | Section>();
    const section: Section = { isSection: true, key: path.join('.'), required: !outer.optional, children };
    sections.set(section.key, section);
    for (const [name, child] of Object.entries((defOf(object) as z.core.$ZodObjectDef).shape)) {
      const childPath = [...path, name];
      if (!/^[a-z][A-Za-z0-9]*$/.test(name)) throw new ConfigSchemaError(childPath.join('.'), 'has a name that is not camelCase, so it has no variable');
      children.set(name, readChild(child, childPath, outer.defaultValue === undefined ? undefined : (outer.defaultValue as Record<string, unknown>)[name]));
    }
    return section;
  };

  const readChild = (child: z.core.$ZodType, path: readonly string[], outerDefault: unknown): Setting | Section => {
    const key = path.join('.');
    const wrapping = unwrap(child, key);
    const inner = wrapping.inner;
    if (isSectionSchema(inner)) return readSection(inner, path, { ...wrapping, defaultValue: wrapping.defaultValue ?? outerDefault });
    const setting: Setting = {
      isSection: false,
      key,
      env: envName(path, prefix),
      schema: child,
      kind: kindOf(inner, wrapping.trait, key),
      secret: hidesSecret(child, key),
      required: !wrapping.optional,
      trait: wrapping.trait,
      defaultValue: outerDefault ?? wrapping.defaultValue,
      doc: wrapping.meta.description,
      unit: typeof wrapping.meta['unit'] === 'string' ? wrapping.meta['unit'] : undefined,
      deprecated: wrapping.meta.deprecated === true,
    };
    for (const env of [setting.env, ...fileVariable(setting)]) {
      const other = byEnv.get(env);
      if (other || env === `${prefix}CONFIG`) throw new ConfigSchemaError(key, `would share the variable ${env} with ${other?.key ?? 'the path of the file'}`);
      byEnv.set(env, setting);
    }
    found.set(key, setting);
    return setting;
  };

  const root = readSection(schema, [], { inner: schema, optional: false, trait: {}, meta: {}, defaultValue: undefined });
  for (const setting of found.values()) {
    const source = setting.trait.derived?.from;
    if (source !== undefined && !found.has(source)) throw new ConfigSchemaError(setting.key, `is derived from ${source}, which does not exist`);
  }
  return { root, sections, settings: found, byEnv };
}

/** `scheduler.acquireTimeoutMs` → `STADDLE_SCHEDULER__ACQUIRE_TIMEOUT_MS`. */
function envName(path: readonly string[], prefix: string): string {
  return prefix + path.map((name) => name.replace(/[A-Z]/g, '_$&').toUpperCase()).join('__');
}

/** The second variable of a secret, which names a file. */
export function fileVariable(setting: Setting): readonly string[] {
  return setting.secret && setting.kind === 'string' ? [`${setting.env}_FILE`] : [];
}

/** What an unset setting amounts to, as one would write it. */
function defaultText({ trait, kind, defaultValue }: Setting): string | undefined {
  if (trait.derived) return trait.derived.text;
  if (defaultValue === undefined) return undefined;
  if (kind === 'duration' && typeof defaultValue === 'number') return formatDuration(defaultValue);
  if (kind === 'list' && Array.isArray(defaultValue)) return defaultValue.join(',');
  return kind === 'json' ? JSON.stringify(defaultValue) : String(defaultValue);
}

interface Wrapping {
  readonly inner: z.core.$ZodType;
  readonly optional: boolean;
  readonly defaultValue: unknown;
  readonly trait: Trait;
  readonly meta: z.core.GlobalMeta;
}

/** Looks through `.optional()`, `.default()`, `.transform()` and their like at the schema that reads the input. */
function unwrap(schema: z.core.$ZodType, key: string): Wrapping {
  let inner = schema;
  let optional = false;
  let defaultValue: unknown;
  let trait: Trait = {};
  let meta: z.core.GlobalMeta = {};
  for (;;) {
    // The outermost word wins: `.describe()` after `.optional()` replaces the one before.
    trait = { ...traits.get(inner), ...trait };
    meta = { ...z.globalRegistry.get(inner), ...meta };
    const def = defOf(inner);
    if ('coerce' in def && def.coerce) throw new ConfigSchemaError(key, "uses z.coerce, which reads 'false' as true and '' as 0; use the plain schema");
    switch (def.type) {
      case 'default':
      case 'prefault':
        defaultValue ??= def.defaultValue;
        optional = true;
        inner = def.innerType;
        break;
      case 'lazy':
        throw new ConfigSchemaError(key, 'uses z.lazy: a recursive structure is no setting');
      case 'catch':
        throw new ConfigSchemaError(key, 'uses .catch(), which would hide a wrong value');
      case 'optional':
        optional = true;
        inner = def.innerType;
        break;
      case 'nullable':
      case 'nonoptional':
      case 'readonly':
        inner = def.innerType;
        break;
      case 'pipe':
        inner = defOf(def.in).type === 'transform' ? def.out : def.in;
        break;
      default:
        return { inner, optional, defaultValue, trait, meta };
    }
  }
}

/** An object with fixed keys. One that takes any key is a single setting instead. */
function isSectionSchema(schema: z.core.$ZodType): schema is z.core.$ZodObject {
  const def = defOf(schema);
  return def.type === 'object' && (def.catchall === undefined || defOf(def.catchall).type === 'never');
}

function kindOf(inner: z.core.$ZodType, trait: Trait, key: string): Kind {
  if (trait.kind === 'duration') return 'duration';
  const def = defOf(inner);
  switch (def.type) {
    case 'number':
    case 'bigint':
    case 'boolean':
      return def.type;
    case 'enum':
    case 'literal':
      return 'choice';
    case 'array':
      return ['list', 'json'].includes(kindOfSchema(def.element, key)) ? 'json' : 'list';
    case 'union':
      return def.options.some((option) => kindOfSchema(option, key) === 'json') ? 'json' : 'choice';
    case 'object':
    case 'record':
    case 'tuple':
    case 'intersection':
      return 'json';
    default:
      return 'string';
  }
}

/** The kind of a schema inside a setting: an item of a list, an option of a union. */
export function kindOfSchema(schema: z.core.$ZodType, key: string): Kind {
  const { inner, trait } = unwrap(schema, key);
  return kindOf(inner, trait, key);
}

/** The definition of the schema that reads the input, without its wrappers. */
export function innerDef(schema: z.core.$ZodType): Definition {
  return defOf(unwrap(schema, '').inner);
}

type Definition = z.core.$ZodTypes['_zod']['def'];

function defOf(schema: z.core.$ZodType): Definition {
  // oxlint-disable-next-line no-underscore-dangle -- the way that zod documents for libraries that walk a schema
  return (schema as z.core.$ZodTypes)._zod.def;
}

/** True when a secret is the setting or lies anywhere inside it: then no part of the raw value may be shown. */
function hidesSecret(schema: z.core.$ZodType, key: string): boolean {
  const { inner, trait } = unwrap(schema, key);
  if (trait.kind === 'secret' || trait.kind === 'url') return true;
  const def = defOf(inner);
  switch (def.type) {
    case 'array':
      return hidesSecret(def.element, key);
    case 'record':
      return hidesSecret(def.valueType, key);
    case 'tuple':
      return def.items.some((item) => hidesSecret(item, key));
    case 'union':
      return def.options.some((option) => hidesSecret(option, key));
    case 'intersection':
      return hidesSecret(def.left, key) || hidesSecret(def.right, key);
    case 'object':
      return Object.values(def.shape).some((child) => hidesSecret(child, key));
    default:
      return false;
  }
}

function typeName(schema: z.core.$ZodType, kind: Kind): string {
  const { inner } = unwrap(schema, '');
  const def = defOf(inner);
  if (inner instanceof z.ZodNumber) return inner.isInt ? 'integer' : 'number';
  if (kind === 'list' && def.type === 'array') return `list of ${typeName(def.element, kindOfSchema(def.element, ''))}`;
  if (def.type === 'enum') return Object.values(def.entries).join(' | ');
  if (def.type === 'literal') return def.values.map(String).join(' | ');
  if (def.type === 'union') return def.options.map((option) => typeName(option, kindOfSchema(option, ''))).join(' | ');
  return kind;
}
