import { describe, expect, it } from 'vitest';
import { recordingLogger } from '@staddle/testing';

describe('recordingLogger', () => {
  it('keeps the lines of itself and of its children in order, with the fields of both', () => {
    const logger = recordingLogger();
    const child = logger.child({ lock: 'a', owner: 'x' }).child({ owner: 'y' });
    logger.info({ port: 1 }, 'listening');
    child.warn({ err: 'gone' }, 'lost');
    expect(logger.lines).toEqual([
      { level: 'info', fields: { port: 1 }, message: 'listening' },
      { level: 'warn', fields: { lock: 'a', owner: 'y', err: 'gone' }, message: 'lost' },
    ]);
    expect(child.lines).toBe(logger.lines);
  });

  it.each(['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const)('has the level %s', (level) => {
    const logger = recordingLogger();
    logger[level]({}, 'text');
    expect(logger.lines).toEqual([{ level, fields: {}, message: 'text' }]);
  });
});
