import { duration, httpPart, sharedParts, type DeepReadonly, type SharedParts } from '@staddle/config';
import { isOriginPattern } from '@staddle/push';
import * as z from 'zod';

/** Settings of the push service alone. */
export interface PushSection {
  host: string;
  port: number;
  bodyLimitBytes: number;
  /** Absent: only pages of the host that is connected to. */
  origins?: string[] | undefined;
  openNamespaces: string[];
  personalNamespaces: string[];
  drainMs: number;
}

const namespace = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'must be a channel namespace: letters, digits and _ . -');
const origin = z.string().refine(isOriginPattern, 'must be https://app.example, https://*.app.example or *');

/** Every setting of the push service. */
export const pushSchema: z.ZodObject<Pick<SharedParts, keyof SharedParts> & { push: z.ZodType<PushSection> }> = z.object({
  ...sharedParts,
  push: httpPart({ port: 4200 }).extend({
    origins: z
      .array(origin)
      .optional()
      .describe('Origins of the web pages that may connect: https://app.example, https://*.app.example or *; without it only pages of the host that is connected to'),
    openNamespaces: z.array(namespace).default(['public']).describe('Namespaces whose channels every user may subscribe to; [] for none'),
    personalNamespaces: z.array(namespace).default(['user']).describe('Namespaces in which the user NAME may subscribe to the channel #NAME; [] for none'),
    drainMs: duration().default(5_000).describe('Time over which a stop spreads the closing of connections; well under stop.timeoutMs').meta({ unit: 'ms' }),
  }),
});

export type PushConfig = DeepReadonly<z.output<typeof pushSchema>>;

/** Sections of the other services, which may stand in the same environment and file. */
export const SIBLINGS: readonly string[] = ['scheduler', 'shortener'];
