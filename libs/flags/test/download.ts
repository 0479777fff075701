import { defineFlags, type FlagsOf, type FlagSet, type Word } from '@staddle/flags';
import { describe } from 'vitest';

const common = {
  groups: {
    phase: { of: ['Queued', 'Running', 'Done', 'Failed'], arity: 'exactly-one' },
    push: { of: ['PushPending', 'PushSent'], arity: 'at-most-one' },
  },
  masks: { Terminal: ['Done', 'Failed'] },
  retired: { 6: 'Stuck' },
} as const;

/** A set chosen to be awkward: gaps, two groups, free flags, a retired bit in the middle, the highest bit in use. */
export const Download = defineFlags('download', {
  bits: { Queued: 0, Running: 1, Done: 2, Failed: 3, PushPending: 8, PushSent: 9, Late: 4, Archived: 30 },
  ...common,
});
export type Download = FlagsOf<typeof Download>;

/** The same with words of bigint: a group across bit 32, and the highest bit of all. */
export const WideDownload = defineFlags('download', {
  backend: 'bigint',
  bits: { Queued: 0, Running: 1, Done: 2, Failed: 3, PushPending: 31, PushSent: 32, Late: 4, Archived: 62 },
  ...common,
});

export type DownloadName = 'Queued' | 'Running' | 'Done' | 'Failed' | 'PushPending' | 'PushSent' | 'Late' | 'Archived';
/** Either of them, for tests that hold for both. */
export type EitherDownload = FlagSet<
  'download',
  DownloadName,
  { phase: 'Queued' | 'Running' | 'Done' | 'Failed'; push: 'PushPending' | 'PushSent' },
  'Terminal',
  number | bigint
>;
export type EitherWord = Word<'download', number | bigint>;

/** Runs tests for both backends. `word` reads text, where anything goes: `'Queued | Running | 0x200000'`. */
export function describeBoth(title: string, tests: (flags: EitherDownload, word: (text: string) => EitherWord) => void): void {
  const backends: [string, EitherDownload][] = [
    ['number', Download],
    ['bigint', WideDownload],
  ];
  describe.each(backends)(`${title}, with words of type %s`, (_, flags) => {
    tests(flags, (text) => flags.parse(text, 'retain'));
  });
}

/** What a name that is no live flag of the sets looks like. */
export const NO_NAMES: readonly unknown[] = ['Runing', 'running', '', 'constructor', '__proto__', 'Stuck', 'phase', 'Terminal', '1', undefined, null, 1];
