import { createLogger, type Destination, type LoggerOptions } from '@staddle/logging';
import type { Logger } from '@staddle/kernel';

export interface Line {
  readonly [field: string]: unknown;
  readonly data?: Record<string, unknown>;
}

export interface RecordingDestination extends Destination {
  /** The lines as they were written. */
  readonly texts: string[];
  /** The lines as a collector would read them. */
  readonly lines: Line[];
}

/** Keeps lines in memory. */
export function recording(): RecordingDestination {
  const texts: string[] = [];
  return {
    texts,
    get lines() {
      return texts.map((text) => JSON.parse(text) as Line);
    },
    write: (text) => void texts.push(text),
  };
}

/** A logger at level trace and where its lines go. */
export function recordingLogger(options: Partial<LoggerOptions> = {}): { logger: Logger; to: RecordingDestination } {
  const to = recording();
  return { logger: createLogger({ service: { name: 'test', version: '1.0.0' }, level: 'trace', destination: to, ...options }), to };
}

/** The one line that `fields` and `message` make. */
export function lineOf(fields: unknown, message = 'a message', options: Partial<LoggerOptions> = {}): Line {
  const { logger, to } = recordingLogger(options);
  logger.info(fields as Record<string, unknown>, message);
  if (to.texts.length !== 1 || !to.texts[0]!.endsWith('}\n') || to.texts[0]!.indexOf('\n') !== to.texts[0]!.length - 1) throw new Error(`not one line: ${to.texts.join('')}`);
  return to.lines[0]!;
}
