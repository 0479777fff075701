import { parseTrigger } from '@staddle/cron';
import type { NewTaskInput, Task } from '@staddle/dispatch';
import { DIALECTS, waitFor } from '@staddle/testing';
import { describe, expect, it } from 'vitest';
import { InvalidPayloadError } from '@staddle/dispatch';
import { createWorld, ledgerOf, newTask, rewind, runIn } from './harness.ts';

const MINUTELY = { kind: 'cron', expr: '* * * * *', tz: 'UTC' } as const;

describe.each(DIALECTS)('tasks on %s', (dialect) => {
  describe('create', () => {
    it('makes a relative trigger absolute on the clock of the store', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks } = make();
      const task = await tasks.create(newTask({ trigger: { kind: 'after', delay: 'PT2S' }, reason: 'on trial' }));
      expect(task).toMatchObject({ state: 'ACTIVE', flags: [], version: 1, runCount: 0, reason: 'on trial', payload: null, nextRunAt: task.createdAt + 2_000 });
      expect(task.trigger).toEqual({ v: 1, kind: 'date', at: new Date(task.createdAt + 2_000).toISOString() });
      expect(await tasks.get(task.uid)).toEqual(task);
    });

    it('plans an interval from its creation and a cron expression from the calendar', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks } = make();
      const interval = await tasks.create(newTask({ trigger: { kind: 'interval', every: 'PT15M' } }));
      expect(interval.nextRunAt).toBe(interval.createdAt + 15 * 60_000);
      const cron = await tasks.create(newTask({ trigger: MINUTELY }));
      expect(cron.trigger).toEqual({ v: 1, ...MINUTELY });
      expect(cron.nextRunAt! % 60_000).toBe(0);
    });

    it('spreads H and jitter by the uid of the task', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks } = make();
      const task = await tasks.create(newTask({ trigger: { kind: 'cron', expr: 'H H * * *', tz: 'UTC', jitter: 'PT30S' } }));
      expect(task.trigger).toEqual({ v: 1, kind: 'cron', expr: 'H H * * *', tz: 'UTC', jitter: 'PT30S', seed: task.uid });
      expect(task.nextRunAt).toBe(parseTrigger(task.trigger).next(task.createdAt));
    });

    it('refuses an H that draws a day which never comes', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks } = make();
      const created = await Promise.allSettled(Array.from({ length: 30 }, () => tasks.create(newTask({ trigger: { kind: 'cron', expr: '0 0 H(28-30) 2 *', tz: 'UTC' } }))));
      const refused = created.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason as unknown);
      // One in three, so that all thirty being lucky is a matter of once in 190 000 times.
      expect(refused.length).toBeGreaterThan(0);
      for (const error of refused) expect(error).toMatchObject({ code: 'ERR_DISPATCH_TRIGGER', field: 'trigger.expr' });
    });

    it('accepts a date that is a little late, and refuses one from long ago', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const dispatch = make();
      await dispatch.start();
      const late = await dispatch.tasks.create(newTask({ trigger: { kind: 'date', at: new Date(Date.now() - 60_000).toISOString() } }));
      expect(await runIn(dispatch, late, 'SUCCEEDED')).toMatchObject({ flags: ['LATE'], scheduledAt: late.nextRunAt });
      await expect(dispatch.tasks.create(newTask({ trigger: { kind: 'date', at: '2020-01-01T00:00:00Z' } }))).rejects.toMatchObject({
        code: 'ERR_DISPATCH_TRIGGER_EXHAUSTED',
        field: 'trigger',
      });
    });

    const refused: [string, Partial<Record<keyof NewTaskInput, unknown>>, string, string][] = [
      ['a module that is no name', { module: 'a b' }, 'ERR_DISPATCH_TASK', 'module'],
      ['a module of another type', { module: 5 }, 'ERR_DISPATCH_TASK', 'module'],
      ['a handler that is no name', { handler: 'a/b' }, 'ERR_DISPATCH_TASK', 'handler'],
      ['a handler that nobody has', { handler: 'mail' }, 'ERR_DISPATCH_HANDLER', 'handler'],
      ['a long title', { title: 'x'.repeat(256) }, 'ERR_DISPATCH_TASK', 'title'],
      ['half a character', { description: '\ud800' }, 'ERR_DISPATCH_TASK', 'description'],
      ['a key with blanks around it', { bizKey: ' order ' }, 'ERR_DISPATCH_TASK', 'bizKey'],
      ['a long reason', { reason: 'x'.repeat(501) }, 'ERR_DISPATCH_TASK', 'reason'],
      ['a payload that is not JSON', { payload: 1n }, 'ERR_DISPATCH_PAYLOAD', 'payload'],
      ['a function as payload', { payload: () => {} }, 'ERR_DISPATCH_PAYLOAD', 'payload'],
      ['a large payload', { payload: 'x'.repeat(70_000) }, 'ERR_DISPATCH_PAYLOAD', 'payload'],
      ['a payload that the handler refuses', { handler: 'strict', payload: { url: 5 } }, 'ERR_DISPATCH_PAYLOAD', 'payload.url'],
      ['a payload that makes the handler throw', { handler: 'strict', payload: null }, 'ERR_DISPATCH_PAYLOAD', 'payload'],
      ['no trigger', { trigger: undefined }, 'ERR_DISPATCH_TRIGGER', 'trigger'],
      ['an unknown kind of trigger', { trigger: { kind: 'moon' } }, 'ERR_DISPATCH_TRIGGER', 'trigger.kind'],
      ['a minute that does not exist', { trigger: { kind: 'cron', expr: '61 * * * *', tz: 'UTC' } }, 'ERR_DISPATCH_TRIGGER', 'trigger.expr'],
      ['an unknown zone', { trigger: { kind: 'cron', expr: '* * * * *', tz: 'Mars/Base' } }, 'ERR_DISPATCH_TRIGGER', 'trigger.tz'],
      ['a fixed delay', { trigger: { kind: 'interval', every: 'PT1M', mode: 'delay' } }, 'ERR_DISPATCH_TRIGGER', 'trigger.mode'],
      ['an interval below a second', { trigger: { kind: 'interval', every: 999 } }, 'ERR_DISPATCH_TRIGGER', 'trigger.every'],
      [
        'one inside of another trigger',
        { trigger: { kind: 'or', of: [{ kind: 'cron', expr: '* * * * *', tz: 'UTC' }, { kind: 'interval', every: 'PT0.5S' }] } },
        'ERR_DISPATCH_TRIGGER',
        'trigger.of.1.every',
      ],
    ];
    it.each(refused)('refuses %s', async (_what, input, code, field) => {
      const { dispatch: make } = await createWorld(dialect);
      const strict = {
        run: () => {},
        parsePayload(payload: unknown) {
          const { url } = payload as { url: unknown };
          if (typeof url !== 'string') throw new InvalidPayloadError('payload.url', 'is not text');
        },
      };
      const { tasks } = make({ handlers: { note: () => {}, strict } });
      await expect(tasks.create(newTask(input as Partial<NewTaskInput>))).rejects.toMatchObject({ code, field });
      expect((await tasks.list()).items).toEqual([]);
    });
  });

  describe('business key', () => {
    it('is taken by one live task of a module', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks } = make();
      const first = await tasks.create(newTask({ bizKey: 'order-1' }));
      await expect(tasks.create(newTask({ bizKey: 'order-1' }))).rejects.toMatchObject({ code: 'ERR_DISPATCH_CONFLICT', field: 'bizKey', existingUid: first.uid });
      await tasks.pause(first.uid);
      await expect(tasks.create(newTask({ bizKey: 'order-1' }))).rejects.toMatchObject({ code: 'ERR_DISPATCH_CONFLICT' });
      await tasks.create(newTask({ bizKey: 'order-1', module: 'other' }));
      await tasks.create(newTask({ bizKey: 'ORDER-1' }));
      await tasks.delete(first.uid);
      await tasks.create(newTask({ bizKey: 'order-1' }));
    });

    it('is given to one of many who ask at once', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks } = make();
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => tasks.create(newTask({ bizKey: 'order-1' }))));
      const created = outcomes.filter((outcome) => outcome.status === 'fulfilled').map(({ value }) => value.uid);
      expect(created).toHaveLength(1);
      for (const { reason } of outcomes.filter((outcome) => outcome.status === 'rejected')) {
        expect(reason).toMatchObject({ code: 'ERR_DISPATCH_CONFLICT', existingUid: created[0] });
      }
    });

    it('is free again when the task has finished', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const dispatch = make();
      await dispatch.start();
      const task = await dispatch.tasks.create(newTask({ bizKey: 'order-1', trigger: { kind: 'after', delay: 0 } }));
      await waitFor(async () => (await dispatch.tasks.get(task.uid)).state === 'FINISHED', { what: 'the task to finish' });
      await expect(dispatch.tasks.create(newTask({ bizKey: 'order-1' }))).resolves.toMatchObject({ bizKey: 'order-1' });
    });
  });

  describe('list', () => {
    it('pages through tasks, newest first', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks } = make();
      const uids: string[] = [];
      for (let n = 0; n < 5; n++) uids.unshift((await tasks.create(newTask({ module: n === 2 ? 'other' : 'demo' }))).uid);
      const first = await tasks.list({ limit: 2 });
      const second = await tasks.list({ limit: 2, cursor: first.nextCursor });
      const third = await tasks.list({ limit: 2, cursor: second.nextCursor });
      expect([...first.items, ...second.items, ...third.items].map(({ uid }) => uid)).toEqual(uids);
      expect(third.nextCursor).toBeUndefined();
      expect((await tasks.list({ module: 'other' })).items.map(({ uid }) => uid)).toEqual([uids[2]]);
    });

    it('shows deleted tasks only when asked for them', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks } = make();
      const kept = await tasks.create(newTask());
      const deleted = await tasks.create(newTask());
      await tasks.delete(deleted.uid);
      expect((await tasks.list()).items.map(({ uid }) => uid)).toEqual([kept.uid]);
      expect((await tasks.list({ state: 'DELETED' })).items.map(({ uid }) => uid)).toEqual([deleted.uid]);
      expect((await tasks.list({ state: 'PAUSED' })).items).toEqual([]);
    });

    it.each([
      [{ limit: 0 }, 'limit'],
      [{ limit: 201 }, 'limit'],
      [{ cursor: 'nobody' }, 'cursor'],
      [{ state: 'SLEEPING' as never }, 'state'],
    ])('refuses %o', async (query, field) => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks, runs } = make();
      await expect(tasks.list(query)).rejects.toMatchObject({ code: 'ERR_DISPATCH_QUERY', field });
      await expect(runs.list(query)).rejects.toMatchObject({ code: 'ERR_DISPATCH_QUERY', field });
    });
  });

  describe('pause and resume', () => {
    it('change the state once, and keep the reason', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks } = make();
      const { uid, nextRunAt } = await tasks.create(newTask({ trigger: MINUTELY }));
      const paused = await tasks.pause(uid, { reason: 'deploy' });
      expect(paused).toMatchObject({ state: 'PAUSED', version: 2, reason: 'deploy', nextRunAt: undefined });
      expect(await tasks.pause(uid)).toEqual(paused);
      expect(await tasks.pause(uid, { reason: 'longer' })).toMatchObject({ state: 'PAUSED', version: 3, reason: 'longer' });
      const resumed = await tasks.resume(uid);
      expect(resumed).toMatchObject({ state: 'ACTIVE', version: 4, reason: undefined });
      expect(resumed.nextRunAt).toBeGreaterThanOrEqual(nextRunAt!);
      expect(await tasks.resume(uid)).toEqual(resumed);
    });

    it('record the instants of the pause as one range, and plan from now', async () => {
      const world = await createWorld(dialect);
      const { tasks } = world.dispatch();
      const task = await tasks.create(newTask({ trigger: MINUTELY }));
      await tasks.pause(task.uid);
      await rewind(world, task, 10 * 60_000);
      const { nextRunAt, updatedAt, lastScheduledAt } = await tasks.resume(task.uid);
      expect(nextRunAt).toBe(Math.floor(updatedAt / 60_000 + 1) * 60_000);
      const firstAt = task.nextRunAt! - 10 * 60_000;
      const instants = (nextRunAt! - firstAt) / 60_000;
      expect(lastScheduledAt).toBe(nextRunAt! - 60_000);
      expect(await ledgerOf(world, task)).toEqual([{ key: `r:${firstAt}`, scheduledAt: firstAt, toAt: lastScheduledAt, instants, outcome: 4, runUid: null }]);
    });

    it('finish a one-shot whose instant passed during the pause', async () => {
      const world = await createWorld(dialect);
      const { tasks } = world.dispatch();
      const task = await tasks.create(newTask({ trigger: { kind: 'after', delay: 'PT1H' } }));
      await tasks.pause(task.uid);
      await rewind(world, task, 2 * 3_600_000);
      expect(await tasks.resume(task.uid)).toMatchObject({ state: 'FINISHED', nextRunAt: undefined });
      expect(await ledgerOf(world, task)).toMatchObject([{ instants: 1, outcome: 4 }]);
    });

    it('never fire while paused', async () => {
      const world = await createWorld(dialect);
      const dispatch = world.dispatch();
      const paused = await dispatch.tasks.create(newTask({ trigger: { kind: 'after', delay: 0 } }));
      await dispatch.tasks.pause(paused.uid);
      await dispatch.start();
      const other = await dispatch.tasks.create(newTask({ trigger: { kind: 'after', delay: 0 } }));
      await runIn(dispatch, other, 'SUCCEEDED');
      expect(await ledgerOf(world, paused)).toEqual([]);
    });
  });

  describe('run', () => {
    it('adds a run by hand that leaves the schedule alone, also while paused', async () => {
      const world = await createWorld(dialect);
      const dispatch = world.dispatch();
      await dispatch.start();
      const task = await dispatch.tasks.create(newTask({ trigger: MINUTELY }));
      await dispatch.tasks.pause(task.uid);
      const run = await dispatch.tasks.run(task.uid);
      expect(run).toMatchObject({ kind: 'MANUAL', state: 'READY', taskUid: task.uid, flags: ['MANUAL'] });
      await waitFor(async () => (await dispatch.runs.get(run.uid)).state === 'SUCCEEDED', { what: 'the manual run' });
      expect(await dispatch.tasks.get(task.uid)).toMatchObject({ state: 'PAUSED', runCount: 1, lastScheduledAt: undefined, version: 2 });
      expect(await ledgerOf(world, task)).toMatchObject([{ key: `m:${run.uid}`, outcome: 1, runUid: run.uid }]);
    });
  });

  describe('delete', () => {
    it('leaves a tombstone and cancels what has not started', async () => {
      const world = await createWorld(dialect);
      const { tasks, runs, changes } = world.dispatch();
      const { uid } = await tasks.create(newTask({ trigger: MINUTELY }));
      const run = await tasks.run(uid);
      const deleted = await tasks.delete(uid, { reason: 'obsolete' });
      expect(deleted).toMatchObject({ state: 'DELETED', reason: 'obsolete', nextRunAt: undefined, version: 2 });
      expect(await runs.get(run.uid)).toMatchObject({ state: 'CANCELLED', error: { code: 'ERR_DISPATCH_CANCELLED', message: 'the task was deleted before the run started: obsolete' } });
      expect(await tasks.get(uid)).toEqual(deleted);
      expect(await tasks.delete(uid)).toEqual(deleted);
      expect(changes.map(({ state }) => state)).toEqual(['READY', 'CANCELLED']);
    });

    it('records the instants that nobody has planned yet', async () => {
      const world = await createWorld(dialect);
      const { tasks } = world.dispatch();
      const task = await tasks.create(newTask({ trigger: { kind: 'after', delay: 'PT1M' } }));
      await rewind(world, task, 3_600_000);
      await tasks.delete(task.uid);
      expect(await ledgerOf(world, task)).toMatchObject([{ instants: 1, outcome: 7, runUid: null }]);
    });
  });

  describe('refuses', () => {
    const finished = async (tasks: { pause(uid: string): Promise<Task>; resume(uid: string): Promise<Task> }, world: Awaited<ReturnType<typeof createWorld>>, task: Task) => {
      await tasks.pause(task.uid);
      await rewind(world, task, 400 * 86_400_000);
      await tasks.resume(task.uid);
    };

    it('what the state does not allow, and says what it does', async () => {
      const world = await createWorld(dialect);
      const { tasks } = world.dispatch();
      const done = await tasks.create(newTask());
      await finished(tasks, world, done);
      await expect(tasks.pause(done.uid)).rejects.toMatchObject({ code: 'ERR_DISPATCH_STATE', state: 'FINISHED', allowed: ['run', 'delete'] });
      await expect(tasks.resume(done.uid)).rejects.toMatchObject({ code: 'ERR_DISPATCH_STATE' });
      await tasks.run(done.uid);
      await tasks.delete(done.uid);
      for (const verb of ['pause', 'resume', 'run'] as const) {
        await expect(tasks[verb](done.uid)).rejects.toMatchObject({ code: 'ERR_DISPATCH_STATE', state: 'DELETED', allowed: ['delete'] });
      }
    });

    it('a change of another version than the one read', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks } = make();
      const { uid } = await tasks.create(newTask());
      await tasks.pause(uid, { ifVersion: 1 });
      await expect(tasks.delete(uid, { ifVersion: 1 })).rejects.toMatchObject({ code: 'ERR_DISPATCH_VERSION', expected: 1, actual: 2 });
      await expect(tasks.pause(uid, { reason: 5 as never })).rejects.toMatchObject({ code: 'ERR_DISPATCH_TASK', field: 'reason' });
    });

    it('what does not exist', async () => {
      const { dispatch: make } = await createWorld(dialect);
      const { tasks, runs } = make();
      for (const verb of ['get', 'pause', 'resume', 'run', 'delete'] as const) {
        await expect(tasks[verb]('nobody')).rejects.toMatchObject({ code: 'ERR_DISPATCH_TASK_NOT_FOUND', uid: 'nobody' });
      }
      await expect(runs.list({ taskUid: 'nobody' })).rejects.toMatchObject({ code: 'ERR_DISPATCH_TASK_NOT_FOUND' });
      // MySQL compares keys without the blanks at their end.
      const { uid } = await tasks.create(newTask({ trigger: MINUTELY }));
      for (const verb of ['get', 'pause', 'delete'] as const) {
        await expect(tasks[verb](`${uid} `)).rejects.toMatchObject({ code: 'ERR_DISPATCH_TASK_NOT_FOUND', uid: `${uid} ` });
      }
      expect(await tasks.get(uid)).toMatchObject({ state: 'ACTIVE' });
      await expect(runs.get('nobody')).rejects.toMatchObject({ code: 'ERR_DISPATCH_RUN_NOT_FOUND', uid: 'nobody' });
    });
  });
});
