import type { PushHub } from '@staddle/push';
import type { ServiceApp } from '@staddle/service';
import * as z from 'zod';
import type { ChannelPermission } from '../access.ts';

const body = z.strictObject({
  channel: z.string().describe('namespace:name'),
  data: z
    .unknown()
    .refine((data) => data !== undefined, 'is required')
    .describe('Any JSON value, at most 64 KiB'),
});

// The envelope of Centrifugo's server API: clients made for it understand ours.
const published = z.strictObject({ result: z.strictObject({}) });

/** `POST /api/publish`: sends data to all subscribers of a channel. */
export function publishRoute(app: ServiceApp, hub: Pick<PushHub, 'publish'>): void {
  app.post(
    '/api/publish',
    {
      config: { permission: 'channel:publish' satisfies ChannelPermission },
      schema: { summary: 'Publish to a channel', body, response: { 200: published } },
    },
    ({ body: { channel, data } }) => hub.publish(channel, data).then(() => ({ result: {} })),
  );
}
