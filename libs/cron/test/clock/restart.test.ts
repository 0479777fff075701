import { parseTrigger, type CronTriggerJson, type DstPolicy, type TriggerJson } from '@staddle/cron';
import { createTestClock } from '@staddle/testing';
import { expect, it } from 'vitest';
import { VECTORS, type Vector } from '../vectors/vectors.ts';
import { watch } from './witness.ts';

const MINUTE = 60_000;
const POLICIES: readonly DstPolicy[] = [
  { gap: 'shift', overlap: 'second' },
  { gap: 'skip', overlap: 'both' },
];

interface Window {
  from: number;
  to: number;
  readonly triggers: Map<string, { readonly json: TriggerJson; readonly vector: Vector }>;
}

/** The time around each change of a clock, with everything that the vectors have to say about it, under every policy. */
function windows(): Window[] {
  const all: Window[] = [];
  for (const vector of VECTORS.filter(({ trigger }) => trigger.kind === 'cron' && trigger.tz !== 'UTC').toSorted((a, b) => Date.parse(a.from) - Date.parse(b.from))) {
    const [from, to] = [Date.parse(vector.from), Date.parse(vector.times.at(-1)!)];
    let last = all.at(-1);
    if (last === undefined || last.to < from) all.push((last = { from, to, triggers: new Map() }));
    last.to = Math.max(last.to, to);
    const json = vector.trigger as CronTriggerJson;
    for (const each of json.dst ? [json] : [json, ...POLICIES.map((dst) => ({ ...json, dst }))]) last.triggers.set(`${vector.what} ${JSON.stringify(each)}`, { json: each, vector });
  }
  return all;
}

it.each(windows().map((window) => ({ window, when: new Date(window.from).toISOString() })))(
  '23: a scheduler that starts anew at every minute runs what one runs that never stopped, from $when on',
  async ({ window: { from, to: until, triggers } }) => {
    const to = from + Math.ceil((until - from) / MINUTE) * MINUTE;
    const run = async (restarts: boolean): Promise<Map<string, number[]>> => {
      const clock = createTestClock(from);
      const ran = new Map([...triggers.keys()].map((name): [string, number[]] => [name, []]));
      while (clock.now() < to) {
        const { scheduler } = watch({ clock });
        for (const [name, { json }] of triggers) scheduler.schedule(name, parseTrigger(json), ({ scheduledAt }) => void ran.get(name)!.push(scheduledAt));
        scheduler.startInBackground();
        await clock.advance(restarts ? MINUTE : to - from);
        await scheduler.stop();
      }
      return ran;
    };
    const ran = await run(true);
    expect(ran).toEqual(await run(false));
    for (const [name, { json }] of triggers) expect(ran.get(name), name).toEqual(parseTrigger(json).between(from + 1, to + 1, 100_000));
    for (const [name, { vector }] of [...triggers].filter(([, { json, vector: { trigger } }]) => json === trigger)) {
      const expected = vector.times.map((time) => Date.parse(time));
      const found = ran.get(name)!.filter((at) => at > Date.parse(vector.from));
      expect(found.slice(0, expected.length), name).toEqual(expected);
    }
  },
);
