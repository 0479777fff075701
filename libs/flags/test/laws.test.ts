import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { describeBoth, type DownloadName, type EitherDownload, type EitherWord } from './download.ts';

// Any integer that a boundary with the policy `retain` lets in, unknown bits and damaged groups included.
function anyWord({ backend, fromBits }: EitherDownload): fc.Arbitrary<EitherWord> {
  const raw: fc.Arbitrary<number | bigint> = backend === 'number' ? fc.nat({ max: 2 ** 31 - 1 }) : fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
  return raw.map((bits) => fromBits(bits, 'retain'));
}

type Law = (a: EitherWord, b: EitherWord, c: EitherWord) => boolean;
type Names = ReadonlySet<DownloadName>;

describeBoth('the algebra', (flags) => {
  const { none, all, names, size, format, parse, json, fromNames, issues, tryFromBits, add, toggle, remove, has, hasAll, hasAny, which } = flags;
  const { union, intersection, difference, symmetricDifference, complement, equals, isSubsetOf, isSupersetOf, isDisjointFrom, truncate, unknownBits } = flags;
  const words = anyWord(flags);
  const anyName = fc.constantFrom(...names(all));
  const setOf = (word: EitherWord): Names => new Set(names(word));
  const same = (word: EitherWord, expected: Names): boolean => setOf(word).symmetricDifference(expected).size === 0;

  /** Words that break the law; null when none was found. */
  function counterexample(law: Law): EitherWord[] | null {
    return fc.check(fc.property(words, words, words, law), { numRuns: 300 }).counterexample;
  }

  it.each<[string, Law]>([
    ['union', (a, b) => same(union(a, b), setOf(a).union(setOf(b)))],
    ['intersection', (a, b) => same(intersection(a, b), setOf(a).intersection(setOf(b)))],
    ['difference', (a, b) => same(difference(a, b), setOf(a).difference(setOf(b)))],
    ['symmetricDifference', (a, b) => same(symmetricDifference(a, b), setOf(a).symmetricDifference(setOf(b)))],
    ['isSubsetOf', (a, b) => isSubsetOf(truncate(a), truncate(b)) === setOf(a).isSubsetOf(setOf(b))],
    ['isSupersetOf', (a, b) => isSupersetOf(truncate(a), truncate(b)) === setOf(a).isSupersetOf(setOf(b))],
    ['isDisjointFrom', (a, b) => isDisjointFrom(truncate(a), truncate(b)) === setOf(a).isDisjointFrom(setOf(b))],
    ['size', (a) => size(truncate(a)) === setOf(a).size],
  ])('%s does to known flags what the method of Set does to their names', (_, law) => {
    expect(counterexample(law)).toBeNull();
  });

  it.each<[string, Law]>([
    ['union commutes', (a, b) => union(a, b) === union(b, a)],
    ['intersection commutes', (a, b) => intersection(a, b) === intersection(b, a)],
    ['union associates', (a, b, c) => union(a, union(b, c)) === union(union(a, b), c)],
    ['intersection distributes over union', (a, b, c) => intersection(a, union(b, c)) === union(intersection(a, b), intersection(a, c))],
    ['the empty word is neutral in a union', (a) => union(a, none) === a],
    ['the empty word empties an intersection', (a) => intersection(a, none) === none],
    ['symmetric difference is what only one has', (a, b) => symmetricDifference(a, b) === union(difference(a, b), difference(b, a))],
    ['intersection and difference split a word, unknown bits included', (a, b) => union(intersection(a, b), difference(a, b)) === a],
    ['a difference is disjoint from what was taken away', (a, b) => isDisjointFrom(difference(a, b), b)],
    ['a difference keeps unknown bits', (a) => unknownBits(difference(a, all)) === unknownBits(a)],
    ['complement twice drops the unknown bits', (a) => complement(complement(a)) === truncate(a)],
    ['a word and its complement make up the known bits', (a) => union(truncate(a), complement(a)) === all],
    ['a complement has no unknown bits', (a) => unknownBits(complement(a)) === none],
    ['known and unknown bits make up the word, and share nothing', (a) => union(truncate(a), unknownBits(a)) === a && isDisjointFrom(truncate(a), unknownBits(a))],
    ['a word is a subset of its unions', (a, b) => isSubsetOf(a, union(a, b))],
    ['superset is subset turned round', (a, b) => isSubsetOf(a, b) === isSupersetOf(b, a)],
    ['a subset is its intersection', (a, b) => isSubsetOf(a, b) === (intersection(a, b) === a)],
    ['disjoint words share nothing', (a, b) => isDisjointFrom(a, b) === (intersection(a, b) === none)],
    ['equals is ===, and subset both ways', (a, b) => equals(a, b) === (a === b) && equals(a, b) === (isSubsetOf(a, b) && isSubsetOf(b, a))],
    ['sizes add up', (a, b) => size(a) + size(b) === size(union(a, b)) + size(intersection(a, b))],
    ['the names of a word give its known bits', (a) => fromNames(names(a), 'retain') === truncate(a)],
    ['text reads back', (a) => parse(format(a), 'retain') === a && parse(format(a), 'truncate') === truncate(a)],
    ['JSON reads back', (a) => json.decode(JSON.parse(JSON.stringify(json.encode(a))), 'retain') === a],
    ['strict accepts exactly the words without issues', (a) => tryFromBits(a).ok === (issues(a).length === 0)],
  ])('%s', (_, law) => {
    expect(counterexample(law)).toBeNull();
  });

  it('never leaves the range of words', () => {
    const top = flags.backend === 'number' ? 2 ** 31 : 2n ** 63n;
    const results: Law = (a, b) =>
      [union(a, b), intersection(a, b), difference(a, b), symmetricDifference(a, b), complement(a), truncate(a), unknownBits(a), add(a, 'Archived'), remove(a, 'Archived'), toggle(a, 'Archived')].every(
        (word) => typeof word === flags.backend && word >= 0 && word < top && !Object.is(word, -0),
      );
    expect(counterexample(results)).toBeNull();
  });

  it('answers questions as the list of names does', () => {
    fc.assert(
      fc.property(words, fc.uniqueArray(anyName, { minLength: 1 }), (word, [first, ...rest]) => {
        const set = setOf(word);
        expect(has(word, first!)).toBe(set.has(first!));
        expect(hasAll(word, first!, ...rest)).toBe([first!, ...rest].every((name) => set.has(name)));
        expect(hasAny(word, first!, ...rest)).toBe([first!, ...rest].some((name) => set.has(name)));
      }),
    );
  });

  it('changes one flag and, in a group, its siblings', () => {
    fc.assert(
      fc.property(words, anyName, (word, name) => {
        const added = add(word, name);
        const group = (['phase', 'push'] as const).find((candidate) => !isDisjointFrom(flags.mask[candidate], flags.bit[name]));
        const others = group ? flags.mask[group] : flags.bit[name];
        expect(has(added, name)).toBe(true);
        expect(difference(added, others)).toBe(difference(word, others));
        expect(group ? which(added, group) : name).toBe(name);
        expect(remove(added, name)).toBe(difference(word, others));
        expect(toggle(word, name)).toBe(has(word, name) ? remove(word, name) : added);
      }),
    );
  });
});
