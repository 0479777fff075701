import type { Handler } from '@staddle/dispatch';
import * as z from 'zod';
import { readPayload } from './payload.ts';

export interface LogPayload {
  readonly message: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
}

const payloadSchema: z.ZodType<LogPayload> = z.strictObject({
  message: z.string().min(1).max(2_000),
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  fields: z.record(z.string(), z.unknown()).default({}),
});

/** `log`: writes one line to the log of whichever process runs it. */
export const logHandler: Handler<LogPayload> = {
  parsePayload: (payload) => readPayload(payloadSchema, payload),
  run({ payload: { message, level, fields }, log }) {
    log[level]({ fields }, message);
  },
};
