import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Download } from './download.ts';

// Any integer that a boundary with the policy `retain` lets in, unknown bits and damaged groups included.
const anyWord = fc.integer({ min: 0, max: 2 ** 31 - 1 }).map((raw) => Download.fromBits(raw, 'retain'));
const anyName = fc.constantFrom(...Download.names(Download.all));

type Law = (a: Download, b: Download, c: Download) => boolean;

/** Words that break the law; null when none was found. */
function counterexample(law: Law): Download[] | null {
  return fc.check(fc.property(anyWord, anyWord, anyWord, law), { numRuns: 500 }).counterexample;
}

describe('set operations', () => {
  it.each<[string, Law]>([
    ['union commutes', (a, b) => Download.union(a, b) === Download.union(b, a)],
    ['intersection commutes', (a, b) => Download.intersection(a, b) === Download.intersection(b, a)],
    ['union associates', (a, b, c) => Download.union(a, Download.union(b, c)) === Download.union(Download.union(a, b), c)],
    [
      'intersection distributes over union',
      (a, b, c) => Download.intersection(a, Download.union(b, c)) === Download.union(Download.intersection(a, b), Download.intersection(a, c)),
    ],
    ['the empty word is neutral in a union', (a) => Download.union(a, Download.none) === a],
    ['the empty word empties an intersection', (a) => Download.intersection(a, Download.none) === Download.none],
    [
      'symmetric difference is what only one has',
      (a, b) => Download.symmetricDifference(a, b) === Download.union(Download.difference(a, b), Download.difference(b, a)),
    ],
    ['intersection and difference split a word, unknown bits included', (a, b) => Download.union(Download.intersection(a, b), Download.difference(a, b)) === a],
    ['a difference is disjoint from what was taken away', (a, b) => Download.isDisjointFrom(Download.difference(a, b), b)],
    ['complement twice drops the unknown bits', (a) => Download.complement(Download.complement(a)) === Download.truncate(a)],
    ['a word and its complement make up the known bits', (a) => Download.union(Download.truncate(a), Download.complement(a)) === Download.all],
    ['a complement has no unknown bits', (a) => Download.unknownBits(Download.complement(a)) === 0],
    ['known and unknown bits add up to the word', (a) => Download.truncate(a) + Download.unknownBits(a) === a],
    ['a word is a subset of its unions', (a, b) => Download.isSubsetOf(a, Download.union(a, b))],
    ['superset is subset turned round', (a, b) => Download.isSubsetOf(a, b) === Download.isSupersetOf(b, a)],
    ['a subset is its intersection', (a, b) => Download.isSubsetOf(a, b) === (Download.intersection(a, b) === a)],
    ['disjoint words share nothing', (a, b) => Download.isDisjointFrom(a, b) === (Download.intersection(a, b) === Download.none)],
  ])('%s', (_, law) => {
    expect(counterexample(law)).toBeNull();
  });

  it('never leave the range of words', () => {
    const results: Law = (a, b) =>
      [
        Download.union(a, b),
        Download.intersection(a, b),
        Download.difference(a, b),
        Download.symmetricDifference(a, b),
        Download.complement(a),
        Download.truncate(a),
        Download.add(a, 'Archived'),
        Download.remove(a, 'Archived'),
      ].every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 31 && !Object.is(word, -0));
    expect(counterexample(results)).toBeNull();
  });
});

describe('questions', () => {
  it('agree with the list of names', () => {
    fc.assert(
      fc.property(anyWord, fc.uniqueArray(anyName, { minLength: 1 }), (word, [first, ...rest]) => {
        const set = new Set(Download.names(word));
        expect(Download.has(word, first!)).toBe(set.has(first!));
        expect(Download.hasAll(word, first!, ...rest)).toBe([first!, ...rest].every((name) => set.has(name)));
        expect(Download.hasAny(word, first!, ...rest)).toBe([first!, ...rest].some((name) => set.has(name)));
      }),
    );
  });

  it('list names in ascending bit order, whatever the order of definition', () => {
    expect(Download.names(Download.all)).toEqual(['Queued', 'Running', 'Done', 'Failed', 'Late', 'PushPending', 'PushSent', 'Archived']);
  });

  it('refuse a name that does not exist, an inherited one and none at all', () => {
    const ask = (...names: unknown[]) => [
      () => Download.has(Download.none, names[0] as never),
      () => Download.hasAll(Download.none, ...(names as never as ['Late'])),
      () => Download.hasAny(Download.none, ...(names as never as ['Late'])),
    ];
    for (const name of ['Runing', 'constructor', '__proto__', 'Stuck', undefined, null, 1]) {
      for (const question of ask(name)) expect(question).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN', value: name }));
    }
    for (const question of ask().slice(1)) expect(question).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_INPUT' }));
  });
});

describe('groups', () => {
  const damaged = Download.fromBits(0b11, 'retain');

  it('answer which member is set', () => {
    expect(Download.which(Download.of('Running', 'Late'), 'phase')).toBe('Running');
    expect(Download.which(Download.of('Late'), 'phase')).toBeUndefined();
    expect(Download.which(damaged, 'phase')).toBeUndefined();
    expect(() => Download.which(Download.none, 'Terminal' as never)).toThrow(expect.objectContaining({ code: 'ERR_FLAGS_UNKNOWN' }));
  });

  it('let an added member take the place of its sibling, and leave the rest alone', () => {
    const before = Download.fromBits((1 << 21) | Download.of('Running', 'PushPending', 'Late'), 'retain');
    const after = Download.add(before, 'Done', 'PushSent');
    expect(Download.names(after)).toEqual(['Done', 'Late', 'PushSent']);
    expect(Download.unknownBits(after)).toBe(1 << 21);
  });

  it('heal when a member is added to a damaged word', () => {
    expect(Download.names(Download.add(damaged, 'Failed'))).toEqual(['Failed']);
  });

  it('refuse two members at once', () => {
    const expected = expect.objectContaining({ code: 'ERR_FLAGS_GROUP', group: 'phase', members: ['Running', 'Done'] });
    expect(() => Download.of('Done', 'Running')).toThrow(expected);
    expect(() => Download.add(Download.none, 'Done', 'Late', 'Running')).toThrow(expected);
  });

  it('accept a name given twice', () => {
    expect(Download.of('Done', 'Done')).toBe(Download.of('Done'));
  });

  it('never come out of add with more than one member', () => {
    fc.assert(
      fc.property(anyWord, anyName, (word, name) => {
        const added = Download.add(word, name);
        expect(Download.has(added, name)).toBe(true);
        expect(Download.issues(added).filter((issue) => issue.kind === 'group' && issue.members.includes(name))).toEqual([]);
      }),
    );
  });

  it('are left empty by remove', () => {
    expect(Download.remove(Download.of('Running', 'Late'), 'Running')).toBe(Download.of('Late'));
  });

  it('are reported by issues, with unknown bits', () => {
    expect(Download.issues(Download.of('Queued'))).toEqual([]);
    expect(Download.issues(Download.fromBits((1 << 6) | (3 << 8), 'retain'))).toEqual([
      { kind: 'unknown-bits', bits: 64 },
      { kind: 'group', group: 'phase', members: [] },
      { kind: 'group', group: 'push', members: ['PushPending', 'PushSent'] },
    ]);
  });
});
