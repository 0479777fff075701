import { parseDuration } from '@staddle/kernel';
import * as z from 'zod';
import { Secret, SecretUrl } from './secret.ts';

/** What the loader must know of a schema beyond what zod says. */
export interface Trait {
  readonly kind?: 'duration' | 'secret' | 'url';
  readonly derived?: { readonly from: string; readonly text: string; readonly value: (source: never) => unknown };
}

// A registry of our own and not zod's global one: these facts are nobody else's business (OpenAPI reads the global one).
export const traits: z.core.$ZodRegistry<Trait> = z.registry<Trait>();

function withTrait<S extends z.ZodType>(schema: S, trait: Trait): S {
  traits.add(schema, trait);
  return schema;
}

export interface DurationOptions {
  /** Smallest accepted value in ms. Default 0. */
  readonly minMs?: number;
  /** Largest accepted value in ms. Default: none. */
  readonly maxMs?: number;
}

/** A duration in ms, written as `'30s'`, `'15m'`, ISO 8601 `'PT2S'` or a whole number of ms. Its default is given in ms. */
export function duration({ minMs = 0, maxMs = Number.MAX_SAFE_INTEGER }: DurationOptions = {}): z.ZodType<number, number | string> {
  const schema = z
    .custom<number | string>((input) => typeof input === 'number' || typeof input === 'string', "must be a duration: '30s', '15m', 'PT2S' or whole milliseconds")
    .transform((input, context) => {
      try {
        return parseDuration(input);
      } catch {
        context.issues.push({ code: 'custom', input, message: "must be a duration: '30s', '15m', 'PT2S' or whole milliseconds" });
        return z.NEVER;
      }
    })
    .refine((ms) => ms >= minMs, `must be at least ${minMs} ms`)
    .refine((ms) => ms <= maxMs, `must be at most ${maxMs} ms`);
  return withTrait(schema, { kind: 'duration' });
}

/** Wraps what `inner` accepts into a {@link Secret}; the setting may also come from the file that `…_FILE` names. */
export function secret<T>(inner: z.ZodType<T>): z.ZodType<Secret<T>> {
  const schema = z
    .transform((input: unknown) => (input instanceof Secret ? input.reveal() : input))
    .pipe(inner)
    .transform((value) => new Secret(value));
  return withTrait(schema, { kind: 'secret' });
}

export interface SecretUrlOptions {
  /** Accepted schemes with their colon: `['mysql:', 'mariadb:']`. */
  readonly protocols: readonly string[];
  /** The rule that a URL of these schemes breaks; undefined for one that can be used. It must not quote the URL. */
  readonly fault?: (url: string) => string | undefined;
}

/** A URL that may hold credentials, as a {@link SecretUrl}. */
export function secretUrl({ protocols, fault }: SecretUrlOptions): z.ZodType<SecretUrl> {
  const schema = z
    .transform((input: unknown) => (input instanceof Secret ? input.reveal() : input))
    .pipe(z.string())
    .refine((text) => protocols.includes(URL.parse(text)?.protocol ?? ''), { error: `must be a URL that starts with ${list(protocols)}`, abort: true })
    .superRefine((text, context) => {
      const message = fault?.(text);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    })
    .transform((text) => new SecretUrl(text));
  return withTrait(schema, { kind: 'url' });
}

export interface DerivedOptions<F> {
  /** Key of the setting that the default is made from. */
  readonly from: string;
  /** How documentation shows the default: `'sqlite:<dataDir>/staddle.db'`. */
  readonly text: string;
  /** Makes the default; gets the validated value of `from`. */
  readonly value: (source: F) => unknown;
}

/** Gives `schema` a default that is made from another setting. */
export function derived<S extends z.ZodType, F = string>(schema: S, { from, text, value }: DerivedOptions<F>): S {
  // The registry inherits from the schema that a clone was made of: what `secretUrl` noted still holds.
  return withTrait(schema.clone() as S, { derived: { from, text, value } });
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
