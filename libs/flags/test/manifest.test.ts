import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compareManifests, defineFlags, type FlagsManifest } from '@staddle/flags';
import { checkManifest } from '@staddle/flags/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Download, WideDownload } from './download.ts';

const committed: FlagsManifest = { set: 'job', backend: 'number', bits: { Ready: 0, Running: 1, Done: 2 }, retired: { 5: 'Stuck' } };
const compare = (current: Partial<FlagsManifest>): ReturnType<typeof compareManifests> => compareManifests(committed, { ...committed, ...current });

describe('manifest', () => {
  it('holds the numbers of a set in the order of bits', () => {
    expect(JSON.stringify(Download.manifest())).toBe(
      '{"set":"download","backend":"number","bits":{"Queued":0,"Running":1,"Done":2,"Failed":3,"Late":4,"PushPending":8,"PushSent":9,"Archived":30},"retired":{"6":"Stuck"}}',
    );
    expect(WideDownload.manifest()).toMatchObject({ backend: 'bigint', bits: { Archived: 62 } });
  });

  it('has the same text whatever the order of definition', () => {
    const one = defineFlags('s', { bits: { A: 0, B: 1 }, retired: { 9: 'Y', 3: 'X' } });
    const other = defineFlags('s', { bits: { B: 1, A: 0 }, retired: { 3: 'X', 9: 'Y' } });
    expect(JSON.stringify(one.manifest())).toBe(JSON.stringify(other.manifest()));
  });
});

describe('compareManifests', () => {
  it('finds nothing between a set and itself', () => {
    expect(compare({})).toEqual({ problems: [], additions: [] });
    expect(compareManifests(Download.manifest(), JSON.parse(JSON.stringify(Download.manifest())))).toEqual({ problems: [], additions: [] });
  });

  it.each<[string, Partial<FlagsManifest>, string[]]>([
    ['moved', { bits: { Ready: 0, Running: 7, Done: 2 } }, ['Running has moved from bit 1 to bit 7']],
    ['swapped', { bits: { Ready: 1, Running: 0, Done: 2 } }, ['Ready has moved from bit 0 to bit 1', 'Running has moved from bit 1 to bit 0']],
    ['moved, and its bit reused', { bits: { Ready: 0, Running: 7, Done: 2, Late: 1 } }, ['Running has moved from bit 1 to bit 7', 'bit 1 was Running and is reused for Late']],
    ['renamed', { bits: { Ready: 0, Active: 1, Done: 2 } }, ['bit 1 was Running and is reused for Active']],
    ['removed', { bits: { Ready: 0, Done: 2 } }, ['Running, bit 1, was removed without being retired']],
    ['retired under another name', { bits: { Ready: 0, Done: 2 }, retired: { 1: 'Active', 5: 'Stuck' } }, ['bit 1 was Running and is retired as Active']],
    ['retired, and named so no longer', { retired: { 5: 'Jammed' } }, ['bit 5, retired as Stuck, is no longer listed so']],
    ['retired, and forgotten', { retired: {} }, ['bit 5, retired as Stuck, is no longer listed so']],
    ['retired, and its bit reused', { bits: { ...committed.bits, Late: 5 }, retired: {} }, ['bit 5, retired as Stuck, is reused for Late']],
    ['retired, and live again', { bits: { ...committed.bits, Stuck: 5 }, retired: {} }, ['bit 5, retired as Stuck, is reused for Stuck']],
    [
      'retired, and its name reused',
      { bits: { ...committed.bits, Stuck: 6 }, retired: {} },
      ['bit 5, retired as Stuck, is no longer listed so', 'the name Stuck, retired with bit 5, is reused for bit 6'],
    ],
  ])('finds a flag that was %s', (_, current, problems) => {
    expect(compare(current)).toEqual({ problems, additions: [] });
  });

  it('finds another set, and a backend that is too narrow', () => {
    expect(compare({ set: 'task' }).problems).toEqual(['the set job is now called task']);
    expect(compareManifests({ ...committed, backend: 'bigint' }, committed).problems).toEqual(['the backend bigint is now number, which has no bit above 30']);
  });

  it('lists what stored words survive: a new flag, a retired one, a wider backend', () => {
    expect(compare({ backend: 'bigint', bits: { Ready: 0, Done: 2, Late: 8 }, retired: { 1: 'Running', 5: 'Stuck', 9: 'Old' } })).toEqual({
      problems: [],
      additions: ['the backend number is now bigint', 'Running, bit 1, is retired', 'Late, bit 8, is new', 'Old, bit 9, is new as a retired flag'],
    });
  });

  it('is not misled by names that every object inherits', () => {
    const inherited = { ...committed, bits: { constructor: 0, toString: 1 }, retired: {} };
    expect(compareManifests(inherited, { ...committed, bits: { Ready: 2 }, retired: {} }).problems).toEqual([
      'constructor, bit 0, was removed without being retired',
      'toString, bit 1, was removed without being retired',
    ]);
  });
});

describe('checkManifest', () => {
  const Job = defineFlags('job', { bits: { Ready: 0, Running: 1 } });
  const Grown = defineFlags('job', { bits: { Ready: 0, Running: 1, Late: 2 } });
  const Renumbered = defineFlags('job', { bits: { Ready: 1, Running: 0, Late: 2 } });
  const refusal = (...problems: unknown[]): unknown => expect.objectContaining({ code: 'ERR_FLAGS_MANIFEST', set: 'job', problems });
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'staddle-flags-'));
    file = join(folder, 'job.flags.json');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('writes a file that is missing only when asked to', () => {
    expect(() => checkManifest(Job, file)).toThrow(refusal('there is no such file'));
    checkManifest(Job, file, { update: true });
    checkManifest(Job, pathToFileURL(file));
    expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(Job.manifest(), null, 2)}\n`);
  });

  it('wants a new flag to be written down', () => {
    checkManifest(Job, file, { update: true });
    expect(() => checkManifest(Grown, file)).toThrow('Late, bit 2, is new; run once with { update: true } and commit the file');
    checkManifest(Grown, file, { update: true });
    checkManifest(Grown, file);
  });

  it('refuses moved bits, also when it may update', () => {
    checkManifest(Job, file, { update: true });
    const before = readFileSync(file, 'utf8');
    for (const update of [false, true]) {
      expect(() => checkManifest(Renumbered, file, { update })).toThrow(refusal('Ready has moved from bit 0 to bit 1', 'Running has moved from bit 1 to bit 0'));
    }
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it.each(['', '<<<<<<< HEAD', 'null', '[]', '{}', '{"set":"job","backend":"number","bits":{"A":"0"},"retired":{}}', '{"set":"job","backend":"float","bits":{},"retired":{}}',
    '{"set":"job","backend":"number","bits":{"Ready":0,"Running":0},"retired":{}}', '{"set":"job","backend":"number","bits":{"Ready":0},"retired":{"0":"Running"}}', '{"set":"job","backend":"number","bits":{"Ready":0.5},"retired":{}}'])(
    'does not write over %o, which is no manifest',
    (text) => {
      writeFileSync(file, text);
      expect(() => checkManifest(Job, file, { update: true })).toThrow(refusal('it is not a manifest'));
      expect(readFileSync(file, 'utf8')).toBe(text);
    },
  );
});
