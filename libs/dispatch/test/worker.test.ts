import type { Handler, HandlerContext, Handlers, Run } from '@staddle/dispatch';
import { contextFields, hasCode } from '@staddle/kernel';
import { DIALECTS, recordingLogger, stressLifecycle, waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import type { DispatchTables } from '../src/stores/tables.ts';
import { createWorld, newTask, runIn, type World } from './harness.ts';

const NOW = { kind: 'after', delay: 0 } as const;

/** A handler that runs until told to end, however its signal feels about that. */
function gate() {
  const open = Promise.withResolvers<unknown>();
  const entered: HandlerContext[] = [];
  const handler: Handler = {
    run(context) {
      entered.push(context);
      return open.promise;
    },
  };
  return { handler, entered, open: open.resolve, fail: open.reject };
}

/** A handler that runs until its signal aborts, as code that passes the signal on does. */
const obedient = (entered: HandlerContext[]): Handler => ({
  run: (context) =>
    new Promise((_resolve, reject) => {
      entered.push(context);
      context.signal.addEventListener('abort', () => reject(context.signal.reason as Error));
    }),
});

/** Lets the lease of a run end now, as if its owner had been silent for that long. */
async function endLease({ database }: World, run: Pick<Run, 'uid'>, change: { claims?: number } = {}): Promise<void> {
  await database.query<DispatchTables>().updateTable('dispatch_run').set({ lease_until: 1, ...change }).where('uid', '=', run.uid).execute();
}

describe.each(DIALECTS)('worker on %s', (dialect) => {
  describe('a handler', () => {
    it('is called in a context that names task and run', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const dispatch = make({ handlers: { note: () => contextFields() } });
      await dispatch.start();
      const task = await dispatch.tasks.create(newTask({ trigger: NOW }));
      const run = await runIn(dispatch, task, 'SUCCEEDED');
      expect(run.result).toEqual({ cron_task: task.uid, run_id: run.uid });
    });

    const thrown: [string, () => unknown, unknown][] = [
      ['throws', () => { throw new TypeError('no such table'); }, { code: 'TypeError', message: 'no such table' }],
      ['rejects with a code', async () => { throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }); }, { code: 'ECONNREFUSED', message: 'refused' }],
      ['throws what is no error', () => { throw 'enough'; }, { code: 'Error', message: 'enough' }],
      ['throws an error without a word', () => { throw Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }); }, { code: 'ECONNREFUSED', message: 'ECONNREFUSED' }],
      ['throws nothing', () => { throw undefined; }, { code: 'Error', message: 'undefined' }],
      ['throws a novel', () => { throw new Error('x'.repeat(5_000)); }, { code: 'Error', message: `${'x'.repeat(2_000)}…` }],
    ];
    it.each(thrown)('that %s makes its run FAILED without a stack', async (_what, note, error) => {
      const { dispatch: make } = await createWorld(dialect);
      const dispatch = make({ handlers: { note } });
      await dispatch.start();
      const task = await dispatch.tasks.create(newTask({ trigger: NOW }));
      expect((await runIn(dispatch, task, 'FAILED')).error).toEqual(error);
      await waitFor(() => dispatch.changes.at(-1)?.state === 'FAILED', { what: 'the change to be told' });
      expect(dispatch.changes.at(-1)?.error).toEqual(error);
    });

    it.each([
      ['a cycle', () => { const ring: { next?: unknown } = {}; ring.next = ring; return ring; }, { omitted: expect.stringContaining('not JSON') }],
      ['a large value', () => 'x'.repeat(70_000), { omitted: '70002 bytes of JSON are more than 65536' }],
      ['a function', () => () => {}, undefined],
    ] as [string, () => unknown, unknown][])('that returns %s has succeeded all the same', async (_what, note, result) => {
      const { dispatch: make } = await createWorld(dialect);
      const dispatch = make({ handlers: { note } });
      await dispatch.start();
      const task = await dispatch.tasks.create(newTask({ trigger: NOW }));
      expect((await runIn(dispatch, task, 'SUCCEEDED')).result).toEqual(result);
    });

    it('that has become stricter than the stored payload makes its run FAILED', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks } = make();
      const task = await tasks.create(newTask({ trigger: NOW, payload: { v: 1 } }));
      const parsePayload = (): never => { throw new RangeError('v 1 is not supported any more'); };
      const dispatch = make({ handlers: { note: { run: () => {}, parsePayload } } });
      await dispatch.start();
      expect((await runIn(dispatch, task, 'FAILED')).error).toMatchObject({ code: 'ERR_DISPATCH_PAYLOAD', message: expect.stringContaining('v 1 is not supported') });
    });

    it('that takes too long is aborted and its run FAILED', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const entered: HandlerContext[] = [];
      const dispatch = make({ handlers: { note: { ...obedient(entered), timeoutMs: 20 } } });
      await dispatch.start();
      const task = await dispatch.tasks.create(newTask({ trigger: NOW }));
      expect(await runIn(dispatch, task, 'FAILED')).toMatchObject({ flags: ['TIMED_OUT'], error: { code: 'ERR_DISPATCH_TIMEOUT' } });
      expect(hasCode(entered[0]!.signal.reason, 'ERR_DISPATCH_TIMEOUT')).toBe(true);
    });

    it('that ignores its timeout keeps its slot until it ends', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const deaf = gate();
      const dispatch = make({ workers: 1, handlers: { deaf: { ...deaf.handler, timeoutMs: 20 }, note: () => {} } });
      await dispatch.start();
      const stuck = await dispatch.tasks.create(newTask({ trigger: NOW, handler: 'deaf' }));
      expect(await runIn(dispatch, stuck, 'FAILED')).toMatchObject({ flags: ['TIMED_OUT'] });
      const next = await dispatch.tasks.create(newTask({ trigger: NOW }));
      await runIn(dispatch, next, 'READY');
      deaf.open('late');
      await runIn(dispatch, next, 'SUCCEEDED');
      expect(await runIn(dispatch, stuck, 'FAILED')).toMatchObject({ result: undefined });
    });
  });

  it('runs no more handlers at a time than it has slots', async () => {
    const { dispatch: make } = await createWorld(dialect);
    let running = 0;
    let most = 0;
    const note = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      running--;
    };
    const dispatch = make({ workers: 3, handlers: { note } });
    await dispatch.start();
    const tasks = await Promise.all(Array.from({ length: 12 }, () => dispatch.tasks.create(newTask({ trigger: NOW }))));
    for (const task of tasks) await runIn(dispatch, task, 'SUCCEEDED');
    expect(most).toBeLessThanOrEqual(3);
  });

  it('takes only runs whose handler it has', async () => {
    const { dispatch: make } = await createWorld(dialect);
    const took: string[] = [];
    const taker = (name: string): Handlers[string] => ({ task }) => void took.push(`${name}: ${task.module}/${task.handler}`);
    const all = { note: taker('a'), mail: taker('a'), 'billing/mail': taker('a') };
    const { tasks } = make({ handlers: all });
    const orders = [{ handler: 'note' }, { handler: 'mail' }, { module: 'billing', handler: 'mail' }];
    const created = [];
    for (const order of orders) created.push(await tasks.create(newTask({ ...order, trigger: NOW })));

    const planner = make({ handlers: all, workers: 0 });
    await planner.start();
    for (const task of created) await runIn(planner, task, 'READY');
    const billing = make({ handlers: { 'billing/mail': taker('billing') } });
    await billing.start();
    await runIn(billing, created[2]!, 'SUCCEEDED');
    const notes = make({ handlers: { note: taker('notes') } });
    await notes.start();
    await runIn(notes, created[0]!, 'SUCCEEDED');
    expect(took).toEqual(['billing: billing/mail', 'notes: demo/note']);
    expect(await runIn(notes, created[1]!, 'READY')).toMatchObject({ claims: 0 });
  });

  it('prefers the handler of the module', async () => {
    const { dispatch: make } = await createWorld(dialect);
    const dispatch = make({ handlers: { mail: () => 'general', 'billing/mail': () => 'billing' } });
    await dispatch.start();
    const general = await dispatch.tasks.create(newTask({ trigger: NOW, handler: 'mail' }));
    const billing = await dispatch.tasks.create(newTask({ trigger: NOW, handler: 'mail', module: 'billing' }));
    expect((await runIn(dispatch, general, 'SUCCEEDED')).result).toBe('general');
    expect((await runIn(dispatch, billing, 'SUCCEEDED')).result).toBe('billing');
  });

  it.each([
    ['throws', () => { throw new Error('listener'); }],
    ['rejects', () => Promise.reject(new Error('listener'))],
    ['never ends', () => new Promise(() => {})],
  ] as [string, () => unknown][])('is not troubled by a listener that %s', async (what, onRunChange) => {
    const { dispatch: make } = await createWorld(dialect);
    const logger = recordingLogger();
    const dispatch = make({ onRunChange, logger });
    await dispatch.start();
    const task = await dispatch.tasks.create(newTask({ trigger: NOW }));
    await runIn(dispatch, task, 'SUCCEEDED');
    await dispatch.stop();
    expect(logger.lines.filter(({ level }) => level === 'error')).toHaveLength(what === 'never ends' ? 0 : 4);
  });

  describe('stopping', () => {
    it('waits for handlers that run', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const slow = gate();
      const dispatch = make({ handlers: { note: slow.handler } });
      await dispatch.start();
      const task = await dispatch.tasks.create(newTask({ trigger: NOW }));
      await waitFor(() => slow.entered.length === 1, { what: 'the handler to start' });
      const stopped = dispatch.stop();
      expect(slow.entered[0]!.signal.aborted).toBe(false);
      slow.open('done');
      await stopped;
      expect(await runIn(dispatch, task, 'SUCCEEDED')).toMatchObject({ result: 'done', flags: [] });
    });

    it('aborts handlers at the deadline and hands their runs back without cost', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const entered: HandlerContext[] = [];
      const first = make({ handlers: { note: obedient(entered) } });
      await first.start();
      const task = await first.tasks.create(newTask({ trigger: NOW }));
      await waitFor(() => entered.length === 1, { what: 'the handler to start' });
      await first.stop(AbortSignal.timeout(20));
      expect(hasCode(entered[0]!.signal.reason, 'ERR_DISPATCH_STOPPING')).toBe(true);
      expect(await runIn(first, task, 'READY')).toMatchObject({ flags: ['RECOVERED'], claims: 0, owner: undefined, startedAt: undefined });

      const second = make({ handlers: { note: ({ run, fence }) => ({ claims: run.claims, fence }) } });
      await second.start();
      expect(await runIn(second, task, 'SUCCEEDED')).toMatchObject({ flags: ['RECOVERED'], result: { claims: 1, fence: 2 } });
    });

    it('hands back the run of a handler that ignores its signal', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const deaf = gate();
      const first = make({ handlers: { note: deaf.handler } });
      await first.start();
      const task = await first.tasks.create(newTask({ trigger: NOW }));
      await waitFor(() => deaf.entered.length === 1, { what: 'the handler to start' });
      await first.stop(AbortSignal.abort());
      const second = make({ handlers: { note: () => 'second' } });
      await second.start();
      await runIn(second, task, 'SUCCEEDED');
      deaf.open('first');
      expect(await runIn(second, task, 'SUCCEEDED')).toMatchObject({ result: 'second' });
    });

    it('leaves READY runs to others, and works again after a new start', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const dispatch = make();
      await dispatch.start();
      await dispatch.stop();
      const task = await dispatch.tasks.create(newTask());
      const run = await dispatch.tasks.run(task.uid);
      expect(await runIn(dispatch, task, 'READY')).toMatchObject({ uid: run.uid, claims: 0 });
      await dispatch.start();
      await runIn(dispatch, task, 'SUCCEEDED');
    });
  });

  it('bears starts and stops in any order', async () => {
    const world = await createWorld(dialect);
    await stressLifecycle(() => world.dispatch(), { rounds: 3 });
    const dispatch = world.dispatch();
    await dispatch.start();
    const task = await dispatch.tasks.create(newTask({ trigger: NOW }));
    expect(await runIn(dispatch, task, 'SUCCEEDED')).toMatchObject({ claims: 1 });
  });

  describe('a lease', () => {
    it('is renewed for as long as the handler runs', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const slow = gate();
      const options = { leaseMs: 3_000, sweepMs: 50, handlers: { note: slow.handler } };
      const [first, second] = [make(options), make(options)];
      await Promise.all([first.start(), second.start()]);
      const task = await first.tasks.create(newTask({ trigger: NOW }));
      const { owner } = await runIn(first, task, 'RUNNING');
      // Longer than the lease: the store's clock has to pass it.
      await new Promise((resolve) => setTimeout(resolve, 3_500));
      slow.open('done');
      expect(await runIn(first, task, 'SUCCEEDED')).toMatchObject({ owner, claims: 1, flags: [] });
      expect(slow.entered).toHaveLength(1);
    });

    it('that ended gives the run to another process, and the first may not write any more', async () => {
      const world = await createWorld(dialect);
      const logger = recordingLogger();
      const stuck = gate();
      const first = world.dispatch({ leaseMs: 600, sweepMs: 60_000, handlers: { note: stuck.handler }, logger });
      await first.start();
      const task = await first.tasks.create(newTask({ trigger: NOW }));
      await waitFor(() => stuck.entered.length === 1, { what: 'the handler to start' });
      const run = await runIn(first, task, 'RUNNING');
      const second = world.dispatch({ sweepMs: 10, handlers: { note: ({ run: again, fence }) => ({ uid: again.uid, claims: again.claims, fence }) } });
      await second.start();
      // The first renews its lease all the time; the sweeper of the second must find it ended once.
      await waitFor(async () => {
        await endLease(world, run);
        return (await second.runs.get(run.uid)).state === 'SUCCEEDED';
      }, { what: 'the second process to take the run over' });

      const { signal, assertOwned } = stuck.entered[0]!;
      await waitFor(() => signal.aborted, { what: 'the first to notice' });
      expect(hasCode(signal.reason, 'ERR_DISPATCH_LEASE_LOST')).toBe(true);
      expect(assertOwned).toThrow(expect.objectContaining({ code: 'ERR_DISPATCH_LEASE_LOST' }));
      stuck.open('too late');
      await first.stop();
      expect(await second.runs.get(run.uid)).toMatchObject({ state: 'SUCCEEDED', flags: ['RECOVERED'], result: { uid: run.uid, claims: 2, fence: 2 } });
      expect(logger.lines.map(({ message }) => message)).toContain('this claim of the run is not valid any more; its outcome here is discarded');
    });

    it('that ended too often makes the run FAILED instead of ending yet another process', async () => {
      const world = await createWorld(dialect);
      const entered: HandlerContext[] = [];
      const first = world.dispatch({ handlers: { note: obedient(entered) }, sweepMs: 60_000 });
      await first.start();
      const task = await first.tasks.create(newTask({ trigger: NOW }));
      await waitFor(() => entered.length === 1, { what: 'the handler to start' });
      const run = await runIn(first, task, 'RUNNING');
      await endLease(world, run, { claims: 5 });
      const second = world.dispatch({ sweepMs: 10 });
      await second.start();
      expect(await runIn(second, task, 'FAILED')).toMatchObject({
        flags: ['POISON'],
        error: { code: 'ERR_DISPATCH_POISON', message: 'the run was taken up 5 times and its owner went away each time' },
      });
      await waitFor(() => second.changes.length > 0, { what: 'the change to be told' });
      expect(second.changes).toMatchObject([{ runUid: run.uid, state: 'FAILED', flags: ['POISON'] }]);
    });
  });
});
