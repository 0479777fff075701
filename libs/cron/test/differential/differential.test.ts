import { beforeAll, describe, expect, it } from 'vitest';
import { askLibrary, compare, zoneOf, type Comparison, type Difference } from './cases.ts';
import { EXPRESSIONS } from './expressions.ts';
import { answerUnder, classify, LEDGER, OUR_RULES } from './ledger.ts';
import { PEERS, REFUSED, type Answer } from './peers.ts';

let comparison: Comparison;
let counts: Map<string, number>;
let unexplained: Difference[];

beforeAll(() => {
  comparison = compare();
  counts = new Map();
  unexplained = [];
  for (const difference of comparison.differences) {
    const classes = classify(difference);
    if (classes === undefined) unexplained.push(difference);
    for (const { name } of classes ?? []) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
}, 120_000);

it('compares some two hundred expressions with both peers in more than twenty zones', () => {
  expect(new Set(EXPRESSIONS).size).toBeGreaterThan(200);
  expect(comparison.questions).toBeGreaterThan(30_000);
});

it('has a reason in the ledger for every difference', () => {
  expect(unexplained.slice(0, 10).map(show)).toEqual([]);
});

it('has in each class of the ledger as many differences as are written there, and at least one', () => {
  expect(Object.fromEntries(LEDGER.map(({ name }) => [name, counts.get(name) ?? 0]))).toEqual(Object.fromEntries(LEDGER.map(({ name, cases }) => [name, cases])));
  expect(LEDGER.filter(({ cases }) => cases < 1)).toEqual([]);
});

it('is, wherever it differs from a peer, what the oracle finds by our rules', () => {
  const wrong = comparison.differences.filter((difference) => difference.ours !== REFUSED && answerUnder(OUR_RULES, difference) !== difference.ours);
  expect(wrong.slice(0, 10).map(show)).toEqual([]);
});

describe.each(LEDGER)('$name ($cases differences)', ({ peers, example }) => {
  it('differs in its example as the ledger says', () => {
    const { expr, tz, after, ours, theirs } = example;
    const at = Date.parse(after);
    expect(write(askLibrary(expr, tz)(at))).toBe(ours);
    expect(write(PEERS[peers[0]!](expr, tz)(at))).toBe(theirs);
    const difference = { peer: peers[0]!, expr, zone: zoneOf(tz), after: at, ours: read(ours), theirs: read(theirs) };
    expect(classify(difference)?.map(({ example: found }) => found)).toEqual([example]);
  });
});

function show({ peer, expr, zone, after, ours, theirs }: Difference): string {
  return `${peer}: '${expr}' in ${zone.tz} after ${write(after)}: ours ${write(ours)}, theirs ${write(theirs)}`;
}

function write(answer: Answer): string {
  return typeof answer === 'number' ? new Date(answer).toISOString() : (answer ?? 'none');
}

function read(answer: string): Answer {
  return answer === REFUSED ? REFUSED : answer === 'none' ? undefined : Date.parse(answer);
}
