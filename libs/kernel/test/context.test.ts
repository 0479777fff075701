import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { bindContext, contextFields, runInContext, sleep } from '@staddle/kernel';
import { runNode } from './fixtures/run-node.ts';

describe('context', () => {
  it('is empty outside of any flow', () => {
    expect(contextFields()).toEqual({});
  });

  it('returns what the function returns, and throws what it throws', () => {
    expect(runInContext({}, () => 42)).toBe(42);
    expect(() =>
      runInContext({ request_id: 'a' }, () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(contextFields()).toEqual({});
  });

  it('merges nested fields, the inner value wins, and ends with the function', () => {
    runInContext({ request_id: 'a', attempt: 1 }, () => {
      runInContext({ attempt: 2, late: true }, () => expect(contextFields()).toEqual({ request_id: 'a', attempt: 2, late: true }));
      expect(contextFields()).toEqual({ request_id: 'a', attempt: 1 });
    });
  });

  it('cannot be changed behind the back of a flow', () => {
    const fields = { request_id: 'a' };
    runInContext(fields, () => {
      fields.request_id = 'b';
      expect(contextFields()).toEqual({ request_id: 'a' });
      expect(() => Object.assign(contextFields(), { request_id: 'c' })).toThrow(TypeError);
    });
  });

  it('stays with its own flow over awaits and timers, however many run at once', async () => {
    const flows = Array.from({ length: 50 }, (_, id) =>
      runInContext({ flow: id }, async () => {
        const seen = [contextFields()['flow']];
        await Promise.resolve();
        seen.push(contextFields()['flow']);
        await sleep(id % 5);
        seen.push(contextFields()['flow']);
        await runInContext({ nested: id }, async () => {
          await new Promise(setImmediate);
          seen.push(contextFields()['flow'], contextFields()['nested']);
        });
        process.nextTick(() => seen.push(contextFields()['flow']));
        await sleep(1);
        return seen;
      }),
    );
    const all = await Promise.all(flows);
    expect(all).toEqual(all.map((_, id) => [id, id, id, id, id, id]));
    expect(contextFields()).toEqual({});
  });

  it('is one for the process, also when two copies of this package are installed', async () => {
    const { stdout } = await runNode('test/fixtures/two-copies.ts');
    expect(stdout).toBe('two copies see {"request_id":"a"}, code is known: true\n');
  });
});

describe('bindContext', () => {
  it('calls back in the context of the moment of binding, not of whoever wakes it', () => {
    const emitter = new EventEmitter();
    const seen: unknown[] = [];
    runInContext({ request_id: 'a' }, () => emitter.on('free', bindContext((value: number) => seen.push([value, contextFields()]))));
    runInContext({ request_id: 'b' }, () => emitter.emit('free', 1));
    emitter.emit('free', 2);
    expect(seen).toEqual([
      [1, { request_id: 'a' }],
      [2, { request_id: 'a' }],
    ]);
  });

  it('keeps a callback that was bound outside of any flow free of the fields of others', () => {
    const bound = bindContext(() => contextFields());
    expect(runInContext({ request_id: 'b' }, bound)).toEqual({});
  });

  it('passes arguments and the result on', () => {
    expect(bindContext((a: number, b: string) => `${a}${b}`)(1, 'x')).toBe('1x');
  });
});
