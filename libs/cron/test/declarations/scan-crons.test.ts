import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawnNode } from '@staddle/testing';
import { createScheduler, cron, defineCron, diffManifests, interval, scanCrons, type CronDefinition, type CronManifest } from '@staddle/cron';
import { describe, expect, it, onTestFinished } from 'vitest';

const HASH = expect.stringMatching(/^[0-9a-f]{64}$/) as string;

/** A directory with these files, gone at the end of the test. */
async function folder(files: Readonly<Record<string, string>>, parent: string = tmpdir()): Promise<string> {
  const directory = await mkdtemp(join(parent, 'staddle-crons-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return directory;
}

// From a folder outside, a package is not found by its name.
const IMPORT = `import { cron, defineCron, interval } from ${JSON.stringify(new URL('../../src/index.ts', import.meta.url).href)};`;
const declaring = (name: string, rest = ''): string => `
${IMPORT}
export const job = defineCron({ name: '${name}', trigger: cron('30 2 * * *', { tz: 'Europe/Paris' }), handler: () => '${name} ran' ${rest} });
`;

/** The names that are found from inside of a directory in a process of its own: the test runner imports files in its own way. */
async function foundByNode(directory: string): Promise<string> {
  const script = join(directory, 'scan.mjs');
  const index = new URL('../../src/index.ts', import.meta.url).href;
  await writeFile(
    script,
    `import { scanCrons } from ${JSON.stringify(index)};
    process.chdir(import.meta.dirname);
    const { crons } = await scanCrons({ directory: '.' });
    console.log('found', crons.map(({ name }) => name).join());`,
  );
  await using child = spawnNode({ script });
  return (await child.waitForLine(/^found /)).slice('found '.length);
}

describe('defineCron', () => {
  const good: CronDefinition = { name: 'backup', trigger: cron('30 2 * * *', { tz: 'UTC' }), handler: () => {} };

  it('gives back what it was given, frozen', () => {
    const definition = defineCron({ ...good, overlap: 'allow', description: 'nightly' });
    expect(definition).toEqual({ ...good, overlap: 'allow', description: 'nightly' });
    expect(Object.isFrozen(definition)).toBe(true);
  });

  it.each<[string, object, string]>([
    ['no name', { name: undefined }, 'name'],
    ['an empty name', { name: '' }, 'name'],
    ['an expression for a trigger', { trigger: '30 2 * * *' }, 'trigger'],
    ['no handler', { handler: undefined }, 'handler'],
    ['a description that is no text', { description: 5 }, 'description'],
    ['an unknown option', { retries: 3 }, 'retries'],
    ['an unknown policy', { overlap: 'maybe' }, 'overlap'],
    ['an unknown key of a policy', { misfire: { window: 5 } }, 'misfire.window'],
  ])('refuses %s', (_what, change, field) => {
    expect(() => defineCron({ ...good, ...change } as CronDefinition)).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE', field }) as Error);
  });

  it('gives back what it has checked, though a getter gives something else later', () => {
    let asked = 0;
    const overlap = (): unknown => (asked++ === 0 ? 'skip' : 'maybe');
    class Declared {
      get name(): string {
        return 'of a class';
      }
      trigger = good.trigger;
      handler = good.handler;
    }
    expect(defineCron(new Declared())).toEqual({ ...good, name: 'of a class' });
    const definition = defineCron(Object.defineProperty({ ...good }, 'overlap', { get: overlap, enumerable: true }));
    expect([definition.overlap, asked]).toEqual(['skip', 1]);
  });

  it.each([[undefined], [null], ['backup']])('refuses %s as a definition', (definition) => {
    expect(() => defineCron(definition as unknown as CronDefinition)).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE', field: 'definition' }) as Error);
  });
});

describe('scanCrons', () => {
  it('finds every declaration below a directory, in whatever export, in order of names', async () => {
    const directory = await folder({
      'orders/check.cron.ts': declaring('orders.check', ", overlap: 'buffer_one', description: 'unpaid ones'"),
      'backup.cron.mjs': `
        ${IMPORT}
        const tz = 'UTC';
        export default defineCron({ name: 'backup', trigger: cron('H 2 * * *', { tz }), handler: () => {} });
        export const beat = defineCron({ name: 'a.beat', trigger: interval({ every: '1m' }), handler: () => {} });
        export { beat as again };
        export const limit = 5;
      `,
      'notes.ts': 'throw new Error("not a declaration")',
      'node_modules/other/lost.cron.js': 'throw new Error("not ours")',
      '.cache/old.cron.js': 'throw new Error("hidden")',
    });
    const { crons, manifest } = await scanCrons({ directory });
    expect(crons.map(({ name }) => name)).toEqual(['a.beat', 'backup', 'orders.check']);
    expect((crons[2]!.handler as () => string)()).toBe('orders.check ran');
    expect(manifest).toEqual({
      v: 1,
      hash: HASH,
      crons: [
        { name: 'a.beat', file: 'backup.cron.mjs', trigger: { v: 1, kind: 'interval', every: 'PT1M' }, options: {}, hash: HASH },
        { name: 'backup', file: 'backup.cron.mjs', trigger: { v: 1, kind: 'cron', expr: 'H 2 * * *', tz: 'UTC' }, options: {}, hash: HASH },
        {
          name: 'orders.check',
          file: 'orders/check.cron.ts',
          description: 'unpaid ones',
          trigger: { v: 1, kind: 'cron', expr: '30 2 * * *', tz: 'Europe/Paris' },
          options: { overlap: 'buffer_one' },
          hash: HASH,
        },
      ],
    });
  });

  it('finds what CommonJS files export, also what Node cannot read off their text, and lists', async () => {
    const required = `const { defineCron, interval } = require(${JSON.stringify(fileURLToPath(new URL('../../src/index.ts', import.meta.url)))});`;
    const job = (name: string): string => `defineCron({ name: '${name}', trigger: interval({ every: '1m' }), handler: () => {} })`;
    const directory = await folder({
      'a.cron.cts': `${required} module.exports = { a: ${job('a')}, b: ${job('b')} };`,
      'c.cron.js': `${required} exports.default = ${job('c')}; exports.__esModule = true; exports.d = ${job('d')};`,
      'e.cron.cjs': `${required} module.exports = ${job('e')};`,
      'f.cron.mjs': `${IMPORT} export const list = [${job('f')}, ${job('g')}]; export const h = ${job('h')};`,
    });
    expect(await foundByNode(directory)).toBe('a,b,c,d,e,f,g,h');
  });

  it('knows where it is, also when a file goes elsewhere', async () => {
    const directory = await folder({ 'a.cron.ts': `process.chdir('/'); ${declaring('a')}`, 'b.cron.ts': declaring('b') });
    expect(await foundByNode(directory)).toBe('a,b');
  });

  it('looks where the pattern says', async () => {
    const directory = await folder({ 'jobs/a.ts': declaring('a'), 'jobs/b.cron.ts': 'throw new Error("not asked for")' });
    expect((await scanCrons({ directory, pattern: 'jobs/a.ts' })).crons.map(({ name }) => name)).toEqual(['a']);
  });

  it('refuses a directory without declarations: the pattern or the path is wrong', async () => {
    const directory = await folder({ 'notes.ts': '' });
    await expect(scanCrons({ directory })).rejects.toMatchObject({ code: 'ERR_CRON_DECLARATION', source: directory, rule: expect.stringContaining('no file that matches') as string });
  });

  it.each<[string, Readonly<Record<string, string>>, string, RegExp]>([
    ['a file that declares nothing', { 'a.cron.ts': 'export const job = { name: "a" }' }, 'a.cron.ts', /declares nothing/],
    ['a file that throws', { 'sub/a.cron.ts': 'throw new Error("no such table")' }, 'sub/a.cron.ts', /cannot be imported/],
    ['a file whose exports cannot be read', { 'a.cron.ts': 'export const jobs = new Proxy({}, { has() { throw new Error("hidden"); } })' }, 'a.cron.ts', /cannot be imported/],
    ['a file that is no code', { 'a.cron.ts': 'export const = 5' }, 'a.cron.ts', /cannot be imported/],
    ['a bad declaration', { 'a.cron.ts': declaring('a', ', retries: 3') }, 'a.cron.ts', /cannot be imported/],
    ['two declarations of one name', { 'a.cron.ts': declaring('twice'), 'b.cron.ts': declaring('twice') }, 'twice', /in a\.cron\.ts and in b\.cron\.ts/],
    ['a source beside its build', { 'a.cron.ts': declaring('a'), 'a.cron.js': declaring('a') }, 'a', /in a\.cron\.js and in a\.cron\.ts/],
  ])('refuses %s', async (_what, files, source, message) => {
    const directory = await folder(files);
    await expect(scanCrons({ directory })).rejects.toMatchObject({ code: 'ERR_CRON_DECLARATION', source, message: expect.stringMatching(message) as string });
  });

  it('says why a file cannot be imported', async () => {
    const directory = await folder({ 'a.cron.ts': 'throw new Error("no such table")' });
    await expect(scanCrons({ directory })).rejects.toMatchObject({ cause: { message: 'no such table' } });
  });

  it('refuses a folder that it may not read, which may hold declarations', async () => {
    // Root may read everything, and what it has in the folder for temporary files nobody else may reach.
    const isRoot = process.geteuid?.() === 0;
    const directory = await folder({ 'a.cron.ts': declaring('a'), 'closed/b.cron.ts': declaring('b') }, isRoot ? '/tmp' : tmpdir());
    await chmod(directory, 0o755);
    await chmod(join(directory, 'closed'), 0);
    if (isRoot) process.seteuid?.('nobody');
    try {
      await expect(scanCrons({ directory })).rejects.toMatchObject({ code: 'ERR_CRON_DECLARATION', source: 'closed', cause: { code: 'EACCES' } });
    } finally {
      if (isRoot) process.seteuid?.(0);
      await chmod(join(directory, 'closed'), 0o755);
    }
  });

  it('takes a folder that is called like a file for a folder', async () => {
    const directory = await folder({ 'a.cron.ts/b.cron.ts': declaring('b') });
    expect((await scanCrons({ directory, pattern: './**/*.cron.ts' })).manifest.crons).toMatchObject([{ name: 'b', file: 'a.cron.ts/b.cron.ts' }]);
  });

  it('refuses what is no directory', async () => {
    const directory = await folder({ 'a.cron.ts': declaring('a') });
    await expect(scanCrons({ directory: join(directory, 'nowhere') })).rejects.toMatchObject({ code: 'ERR_CRON_DECLARATION', message: expect.stringContaining('cannot be read') as string });
    await expect(scanCrons({ directory: join(directory, 'a.cron.ts') })).rejects.toMatchObject({ code: 'ERR_CRON_DECLARATION', message: expect.stringContaining('is not a directory') as string });
  });
});

it('a scheduler takes what was declared, with its options', async () => {
  const directory = await folder({ 'a.cron.ts': declaring('a', ", overlap: 'allow', paused: true, description: 'nightly'"), 'b.cron.ts': declaring('b') });
  const { crons } = await scanCrons({ directory });
  await using scheduler = createScheduler();
  for (const declared of crons) scheduler.add(declared);
  expect(scheduler.list()).toMatchObject([{ name: 'a', paused: {}, trigger: crons[0]!.trigger }, { name: 'b', paused: undefined }]);
  expect(() => scheduler.add(crons[1]!)).toThrow(expect.objectContaining({ code: 'ERR_CRON_SCHEDULE_EXISTS' }) as Error);
});

describe('a manifest', () => {
  it('tells what was added, changed and removed, by what is done and when', async () => {
    const scan = async (files: Readonly<Record<string, string>>): Promise<CronManifest> => (await scanCrons({ directory: await folder(files) })).manifest;
    const before = await scan({ 'kept.cron.ts': declaring('kept'), 'gone.cron.ts': declaring('gone'), 'late.cron.ts': declaring('late') });
    const after = await scan({
      'moved/kept.cron.ts': declaring('kept', ", description: 'elsewhere'"),
      'late.cron.ts': declaring('late', ", misfire: { mode: 'all' }"),
      'new.cron.ts': declaring('new'),
    });
    expect(diffManifests(before, after)).toEqual({ added: ['new'], changed: ['late'], removed: ['gone'] });
    expect(diffManifests(after, after)).toEqual({ added: [], changed: [], removed: [] });
    expect(diffManifests(undefined, before)).toEqual({ added: ['gone', 'kept', 'late'], changed: [], removed: [] });
    expect(after.hash).not.toBe(before.hash);
    // It goes through a file.
    expect(diffManifests(JSON.parse(JSON.stringify(before)) as CronManifest, after).changed).toEqual(['late']);
  });

  it('does not depend on the order in which options are written', async () => {
    const one = await folder({ 'a.cron.ts': declaring('a', ", timeoutMs: 5000, misfire: { max: 3, mode: 'all' }") });
    const other = await folder({ 'a.cron.ts': declaring('a', ", misfire: { mode: 'all', max: 3 }, timeoutMs: 5000") });
    expect((await scanCrons({ directory: one })).manifest).toEqual((await scanCrons({ directory: other })).manifest);
  });

  it('changes with the trigger', () => {
    expect(interval({ every: '1m' }).hash).not.toBe(interval({ every: '2m' }).hash);
  });
});
