import { httpPart, sharedParts, type DeepReadonly, type SharedParts } from '@staddle/config';
import { isBaseUrl } from '@staddle/shortlink';
import * as z from 'zod';

/** Settings of the shortener alone. */
export interface ShortenerSection {
  host: string;
  port: number;
  bodyLimitBytes: number;
  /** Absent: the address that the service listens at. */
  baseUrl?: string | undefined;
}

/** Every setting of the shortener service. */
export const shortenerSchema: z.ZodObject<Pick<SharedParts, keyof SharedParts> & { shortener: z.ZodType<ShortenerSection> }> = z.object({
  ...sharedParts,
  shortener: httpPart({ port: 4300 }).extend({
    baseUrl: z
      .string()
      .refine(isBaseUrl, 'must be http:// or https://, a host and perhaps a path, such as https://sho.rt')
      .optional()
      .describe('What stands before the slug in short URLs, such as https://sho.rt; without it the address that the service listens at'),
  }),
});

export type ShortenerConfig = DeepReadonly<z.output<typeof shortenerSchema>>;

/** Sections of the other services, which may stand in the same environment and file. */
export const SIBLINGS: readonly string[] = ['scheduler', 'push'];
