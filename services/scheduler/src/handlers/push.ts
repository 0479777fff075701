import type { Handler } from '@staddle/dispatch';
import * as z from 'zod';
import type { Publish } from '../publish.ts';
import { readPayload } from './payload.ts';

export interface PushPayload {
  readonly channel: string;
  readonly data: unknown;
}

const payloadSchema: z.ZodType<PushPayload> = z.strictObject({
  channel: z.string().min(1).max(255),
  data: z.unknown().refine((data) => data !== undefined, 'is required'),
});

// Longer than a push service that restarts takes to refuse, shorter than anyone waits for a notice.
const TIMEOUT_MS = 10_000;

/** `push`: publishes to a channel of the push service. */
export function pushHandler(publish: Publish): Handler<PushPayload> {
  return {
    timeoutMs: TIMEOUT_MS,
    parsePayload: (payload) => readPayload(payloadSchema, payload),
    run: ({ payload: { channel, data }, signal }) => publish(channel, data, signal),
  };
}
