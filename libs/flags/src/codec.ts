import { resultOf, type UnknownPolicy } from './boundary.ts';
import { FlagsInputError } from './errors.ts';
import type { FlagSet, Word } from './flags.ts';
import type { StandardSchema } from './standard-schema.ts';

/** A conversion to and from a JSON value. It is a Standard Schema, which validates as `decode` does. */
export interface WordCodec<Set extends string, Json, Value extends number | bigint = number> extends StandardSchema<Json, Word<Set, Value>> {
  encode(word: Word<Set, Value>): Json;
  /** @throws FlagsInputError (`ERR_FLAGS_INPUT`), UnknownFlagError (`ERR_FLAGS_UNKNOWN`), FlagsGroupError (`ERR_FLAGS_GROUP`); `policy` stands in for the codec's own */
  decode(json: unknown, policy?: UnknownPolicy): Word<Set, Value>;
}

export interface CodecOptions {
  /** What `decode` and `validate` do with unknown bits; default `strict`. */
  readonly policy?: UnknownPolicy;
}

type AnySet<Set extends string, Value extends number | bigint> = FlagSet<Set, string, Record<string, string>, string, Value>;

/** `["Running","Late"]`, unknown bits as a last `"0x40"`: the form of {@link FlagSet.json}, with a policy of its own. */
export function namesCodec<Set extends string, Value extends number | bigint>(
  { json }: Pick<AnySet<Set, Value>, 'json'>,
  { policy = 'strict' }: CodecOptions = {},
): WordCodec<Set, string[], Value> {
  return codec(policy, json.encode, json.decode);
}

/** `"Running | Late | 0x40"`, as {@link FlagSet.parse} reads it. */
export function textCodec<Set extends string, Value extends number | bigint>(
  { parse, format }: Pick<AnySet<Set, Value>, 'parse' | 'format'>,
  { policy = 'strict' }: CodecOptions = {},
): WordCodec<Set, string, Value> {
  return codec(policy, format, parse);
}

/** The word itself, `18`. For sets of numbers: JSON readers round what lies beyond 2^53. */
export function numberCodec<Set extends string>(
  { name, fromBits }: Pick<AnySet<Set, number>, 'name' | 'fromBits'>,
  { policy = 'strict' }: CodecOptions = {},
): WordCodec<Set, number> {
  return codec<Word<Set>, number>(
    policy,
    (word) => word,
    (json, given) => {
      if (typeof json !== 'number') throw new FlagsInputError(name, json, 'the JSON form is a number');
      return fromBits(json, given);
    },
  );
}

/** The word in decimal, `"18"`: exact for every reader. */
export function decimalCodec<Set extends string, Value extends number | bigint>(
  { name, fromBits }: Pick<AnySet<Set, Value>, 'name' | 'fromBits'>,
  { policy = 'strict' }: CodecOptions = {},
): WordCodec<Set, string, Value> {
  return codec(policy, String, (json, given) => {
    if (typeof json !== 'string') throw new FlagsInputError(name, json, 'the JSON form is decimal text');
    return fromBits(json, given);
  });
}

/** @internal */
export function codec<W, Json>(
  policy: UnknownPolicy,
  encode: (word: W) => Json,
  decode: (json: unknown, policy: UnknownPolicy) => W,
): StandardSchema<Json, W> & { encode(word: W): Json; decode(json: unknown, policy?: UnknownPolicy): W } {
  return Object.freeze({
    encode,
    decode: (json: unknown, given: UnknownPolicy = policy) => decode(json, given),
    '~standard': Object.freeze({
      version: 1 as const,
      vendor: 'staddle',
      validate: (value: unknown) => {
        const result = resultOf(() => decode(value, policy));
        if (result.ok) return { value: result.value };
        const { message, field } = result.error;
        return { issues: [{ message, path: field === undefined ? [] : [Number(field)] }] };
      },
    }),
  });
}
