import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

// Not `runExample` of @staddle/testing: a package that depends on it gets database servers for its test run.
const run = promisify(execFile);

it('states.ts prints what its comments say', async () => {
  const { stdout } = await run(process.execPath, ['--conditions=@staddle/source', `${import.meta.dirname}/../examples/states.ts`]);
  expect(stdout.split('\n')).toEqual(['260 Done | Late Done', 'true', 'Failed | 0x1000', '']);
});
