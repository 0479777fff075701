import { closeCodes, isReconnecting, replyErrors, unsubscribeCodes, type CloseCode, type ReplyError } from '@staddle/push';
import { describe, expect, it } from 'vitest';

const closes: [string, CloseCode][] = Object.entries({ ...closeCodes, ...unsubscribeCodes });

describe('close codes', () => {
  it.each(closes)('%s has a reason that no SDK takes for an order', (_name, { reason }) => {
    expect(reason).not.toBe('');
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect(() => JSON.parse(reason) as unknown).toThrow(SyntaxError);
  });

  it('are unique and lie in the range that says whether a client comes back', () => {
    const codes = Object.values(closeCodes).map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.every((code) => code >= 3000 && code < 4000)).toBe(true);
    expect(codes.filter(isReconnecting)).toEqual([3000, 3001, 3004, 3005, 3008, 3009, 3010, 3011, 3012, 3013, 3014]);
    expect([1000, 1006, 4000, 4499, 4500, 4999].map(isReconnecting)).toEqual([true, true, true, true, false, false]);
  });
});

describe('reply errors', () => {
  it('are numbered 100 to 112, and only those that can pass are temporary', () => {
    const errors: ReplyError[] = Object.values(replyErrors);
    expect(errors.map(({ code }) => code)).toEqual(Array.from({ length: 13 }, (_, index) => 100 + index));
    expect(errors.filter(({ temporary }) => temporary).map(({ code }) => code)).toEqual([100, 111]);
  });
});
