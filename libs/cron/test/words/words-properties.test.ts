import { explain, holidayCalendar, lintTrigger, parseTrigger } from '@staddle/cron';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createDice, createRandom, randomExpression } from '../oracle/random-expression.ts';
import { unlessRefused } from './unless-refused.ts';

const FROM = Date.parse('2026-11-20T00:00Z');
const CALENDARS = [holidayCalendar({ name: 'cn\u001b[2J', weekend: ['SUN'], tz: 'Asia/Shanghai' })];
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined });
const instant = fc.integer({ min: 0, max: 10 * 366 * 24 }).map((hours) => new Date(Date.UTC(2025, 0, 1, hours)).toISOString());
const local = instant.map((text) => text.slice(0, 19));
const tz = fc.constantFrom('UTC', 'Europe/Paris', 'US/Eastern', 'Australia/Lord_Howe', 'Pacific/Apia', 'asia/kolkata');
const duration = fc.oneof(fc.integer({ min: 1, max: 10_000_000_000 }), fc.constantFrom('PT15M', 'P1D', 'P7D', 'PT1H30M', 'PT0.25S'));
const dst = fc.record({ gap: fc.constantFrom('fire_at_end', 'shift', 'skip'), overlap: fc.constantFrom('first', 'second', 'both') }, { requiredKeys: [] });
const random = fc.integer().map((seed) => randomExpression(createDice(createRandom(seed))));
const hashed = fc.array(fc.constantFrom('H', 'H/2', 'H(1-5)', 'H(0-6)/3', '*', '3'), { minLength: 5, maxLength: 6 }).map((fields) => fields.join(' '));
const seed = optional(fc.constant('backup'));

const { trigger: anyTrigger } = fc.letrec<{ trigger: object; kind: object; limits: object }>((tie) => ({
  limits: fc.record({ startAt: optional(instant), endAt: optional(instant), maxRuns: optional(fc.integer({ min: 1, max: 9 })), exclude: optional(fc.array(fc.oneof(fc.constant(CALENDARS[0]!.name), tie('kind')), { maxLength: 2 })), jitter: optional(fc.constantFrom('PT30S', 'PT1.5S')) }),
  kind: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.record({ kind: fc.constant('date'), at: instant }),
    fc.record({ kind: fc.constant('date'), at: local, tz, fold: optional(fc.constantFrom(0, 1)) }),
    fc.record({ kind: fc.constant('after'), delay: duration }),
    fc.record({ kind: fc.constant('interval'), every: duration, anchor: optional(instant), mode: optional(fc.constant('delay')) }),
    fc.record({ kind: fc.constant('cron'), expr: fc.oneof(random, hashed), tz, dst: optional(dst), seed }),
    fc.record({ kind: fc.constant('calendar'), every: fc.constantFrom('P1D', 'P10D', 'P2W', 'P1M', 'P1M3D', 'P7M', 'P1Y', 'P2Y1D'), anchor: optional(local), tz, clamp: optional(fc.constant('skip')), dst: optional(dst) }),
    fc.record({ kind: fc.constantFrom('or', 'and'), of: fc.array(tie('trigger'), { minLength: 1, maxLength: 3 }) }),
  ),
  trigger: fc.tuple(tie('kind'), fc.option(tie('limits'), { nil: {} })).map(([kind, limits]) => (['date', 'after'].includes((kind as { kind: string }).kind) ? kind : { ...limits, ...kind })),
}));

it('describes, checks and explains every valid trigger in both languages', () => {
  let described = 0;
  fc.assert(
    fc.property(anyTrigger, (json) => {
      const trigger = unlessRefused(() => parseTrigger(json, { calendars: CALENDARS }));
      if (trigger === undefined) return;
      described++;
      for (const language of ['en', 'zh'] as const) {
        const sentence = trigger.describe(language);
        expect(sentence.length).toBeGreaterThan(2);
        expect(sentence).not.toMatch(UNPRINTABLE);
        expect(sentence).not.toMatch(/undefined|NaN|\[object| {2}|,,|，，/);
        expect(sentence).toBe(parseTrigger(trigger.toJSON(), { calendars: CALENDARS }).describe(language));
        for (const { message, field } of lintTrigger(trigger, { from: FROM, language, minPeriodMs: 60_000 })) {
          expect(message).not.toMatch(UNPRINTABLE);
          expect(message).not.toMatch(/undefined|NaN/);
          expect(field).not.toBe('');
        }
        const { text, times } = explain(trigger, { after: FROM, count: 5, language });
        expect(text.startsWith(sentence)).toBe(true);
        expect(text.replaceAll('\n', '')).not.toMatch(UNPRINTABLE);
        for (const [index, { at }] of times.entries()) expect(at).toBeGreaterThan(times[index - 1]?.at ?? FROM);
      }
      trigger.toCron();
    }),
    { numRuns: 600 },
  );
  expect(described).toBeGreaterThan(300);
});
