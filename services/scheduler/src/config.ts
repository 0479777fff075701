import { duration, httpPart, sharedParts, type DeepReadonly, type SharedParts } from '@staddle/config';
import * as z from 'zod';
import { isTargetPattern } from './handlers/http-targets.ts';

/** Settings of the scheduler alone. */
export interface SchedulerSection {
  host: string;
  port: number;
  bodyLimitBytes: number;
  workers: number;
  leaseMs: number;
  pushUrl: string;
  http: {
    /** Absent: loopback in standalone mode, else nothing. */
    allowedHosts?: string[] | undefined;
    deadlineMs: number;
  };
}

const target = z.string().refine(isTargetPattern, 'must be a host, *.host, address or *, each with an optional :port, or a network such as 10.0.0.0/8');

/** Every setting of the scheduler service. */
export const schedulerSchema: z.ZodObject<Pick<SharedParts, keyof SharedParts> & { scheduler: z.ZodType<SchedulerSection> }> = z.object({
  ...sharedParts,
  scheduler: httpPart({ port: 4100 }).extend({
    workers: z.int().min(0).max(1_000).default(10).describe('Handlers that run at a time in this process; 0 plans and serves the API only'),
    // Below this a busy event loop or a slow disk already looks like a dead process.
    leaseMs: duration({ minMs: 3_000 }).default(30_000).describe('How long the run of a process that fell silent waits for another one').meta({ unit: 'ms' }),
    pushUrl: z
      .url({ protocol: /^https?$/ })
      .refine((url) => !URL.parse(url)?.username && !URL.parse(url)?.password, 'must not hold a user or a password: the scheduler signs its own tokens')
      .default('http://127.0.0.1:4200')
      .describe('Push service that run changes and the push handler publish to; not used when both services run in one process'),
    http: z.object({
      allowedHosts: z
        .array(target)
        .optional()
        .describe('Hosts that the http handler may call: names, *.names, addresses or *, each with an optional :port, and networks; by default loopback in standalone mode and nothing otherwise'),
      deadlineMs: duration({ minMs: 1, maxMs: 3_600_000 }).default(30_000).describe('Longest wait of the http handler for a complete answer, unless the task says otherwise').meta({ unit: 'ms' }),
    }),
  }),
});

export type SchedulerConfig = DeepReadonly<z.output<typeof schedulerSchema>>;

/** Sections of the other services, which may stand in the same environment and file. */
export const SIBLINGS: readonly string[] = ['push', 'shortener'];
