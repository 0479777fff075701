import { RUN_FLAGS, RUN_STATES, TASK_FLAGS, TASK_STATES, type NewTaskInput, type Run, type RunState, type Task, type TaskState } from '@staddle/dispatch';
import { instant } from '@staddle/service';
import * as z from 'zod';

// The JSON of the API. Shapes are checked here, so that they are documented; what a value means is checked by dispatch.

const duration = z.union([z.string(), z.number()]);

const v = z.literal(1).optional();
const dst = z.strictObject({ gap: z.enum(['fire_at_end', 'shift', 'skip']).optional(), overlap: z.enum(['first', 'second', 'both']).optional() }).optional();

const triggerSchema: z.ZodType = z
  .lazy(() => {
    const triggers = z.array(triggerSchema);
    const limits = {
      startAt: z.string().optional(),
      endAt: z.string().optional(),
      maxRuns: z.int().optional(),
      exclude: triggers.optional(),
      jitter: duration.optional(),
      seed: z.string().optional(),
    };
    return z.discriminatedUnion('kind', [
      z.strictObject({ v, kind: z.literal('after'), delay: duration }),
      z.strictObject({ v, kind: z.literal('date'), at: z.string(), tz: z.string().optional(), fold: z.literal([0, 1]).optional() }),
      z.strictObject({ v, kind: z.literal('interval'), every: duration, anchor: z.string().optional(), ...limits }),
      z.strictObject({ v, kind: z.literal('cron'), expr: z.string(), tz: z.string(), dst, ...limits }),
      z.strictObject({ v, kind: z.literal('calendar'), every: z.string(), anchor: z.string().optional(), tz: z.string(), clamp: z.literal('skip').optional(), dst, ...limits }),
      z.strictObject({ v, kind: z.literal('or'), of: triggers, ...limits }),
      z.strictObject({ v, kind: z.literal('and'), of: triggers, threshold: duration.optional(), ...limits }),
    ]);
  })
  .meta({ id: 'Trigger', description: 'When: {"kind":"after","delay":"PT2S"}, {"kind":"cron","expr":"*/5 * * * *","tz":"UTC"} …' });

const reason = z.string().max(500).optional().describe('Why; kept with the task');

export const newTaskSchema: z.ZodType<NewTaskInput> = z.strictObject({
  module: z.string(),
  handler: z.string().describe('http, push, log'),
  title: z.string().optional(),
  description: z.string().optional(),
  userName: z.string().optional(),
  trigger: triggerSchema,
  payload: z.unknown().describe('What the handler gets'),
  bizKey: z.string().optional().describe('Your key; one live task of a module may have it'),
  reason,
});

/** Body of a verb. It may be left out altogether. */
export const changeSchema: z.ZodType<{ readonly reason?: string | undefined } | null | undefined> = z.strictObject({ reason }).nullish();

export const taskParams: z.ZodType<{ readonly uid: string }> = z.strictObject({ uid: z.string().max(64) });

export const taskState: z.ZodType<TaskState> = z.enum(TASK_STATES);
export const runState: z.ZodType<RunState> = z.enum(RUN_STATES);

type Instants<T, Names extends keyof T> = Omit<T, Names> & { readonly [Name in Names]: undefined extends T[Name] ? string | undefined : string };

/** A task with its instants as ISO 8601 text. What a task does not have is left out. */
export type TaskJson = Instants<Task, 'nextRunAt' | 'lastScheduledAt' | 'createdAt' | 'updatedAt'>;
export type RunJson = Instants<Run, 'scheduledAt' | 'createdAt' | 'startedAt' | 'finishedAt'>;

const instantSchema = z.iso.datetime({ precision: 3 });
const absent = <S extends z.ZodType>(schema: S): z.ZodType<z.output<S> | undefined> => schema.optional();

export const taskSchema: z.ZodType<TaskJson> = z.object({
  uid: z.string(),
  module: z.string(),
  handler: z.string(),
  title: absent(z.string()),
  description: absent(z.string()),
  userName: absent(z.string()),
  bizKey: absent(z.string()),
  trigger: z.unknown(),
  payload: z.unknown(),
  state: taskState,
  flags: z.array(z.enum(TASK_FLAGS)),
  reason: absent(z.string()),
  version: z.int(),
  nextRunAt: absent(instantSchema),
  lastScheduledAt: absent(instantSchema),
  runCount: z.int(),
  createdAt: instantSchema,
  updatedAt: instantSchema,
});

export const runSchema: z.ZodType<RunJson> = z.object({
  uid: z.string(),
  taskUid: z.string(),
  module: z.string(),
  handler: z.string(),
  kind: z.enum(['SCHEDULED', 'MANUAL']),
  state: runState,
  flags: z.array(z.enum(RUN_FLAGS)),
  scheduledAt: instantSchema,
  attempt: z.int(),
  claims: z.int(),
  owner: absent(z.string()),
  payload: z.unknown(),
  result: z.unknown(),
  error: absent(z.object({ code: z.string(), message: z.string() })),
  createdAt: instantSchema,
  startedAt: absent(instantSchema),
  finishedAt: absent(instantSchema),
});

export function toTaskJson({ nextRunAt, lastScheduledAt, createdAt, updatedAt, ...task }: Task): TaskJson {
  return {
    ...task,
    nextRunAt: tryInstant(nextRunAt),
    lastScheduledAt: tryInstant(lastScheduledAt),
    createdAt: instant(createdAt),
    updatedAt: instant(updatedAt),
  };
}

export function toRunJson({ scheduledAt, createdAt, startedAt, finishedAt, ...run }: Run): RunJson {
  return {
    ...run,
    scheduledAt: instant(scheduledAt),
    createdAt: instant(createdAt),
    startedAt: tryInstant(startedAt),
    finishedAt: tryInstant(finishedAt),
  };
}

function tryInstant(epochMs: number | undefined): string | undefined {
  return epochMs === undefined ? undefined : instant(epochMs);
}
