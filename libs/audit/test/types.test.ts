import type { Audit } from '@staddle/audit';
import type { Transaction } from 'kysely';
import { expect, it } from 'vitest';

interface Tables {
  account: { uid: string; balance: number };
}

it('update knows the tables and columns of the transaction', () => {
  const calls = (audit: Audit, trx: Transaction<Tables>): unknown[] => {
    const who = { actor: { type: 'user', id: 'alice' }, reason: 'because' } as const;
    return [
      audit.update(trx, { ...who, table: 'account', key: { uid: 'a' }, patch: { balance: 1 }, ignore: ['balance'] }),
      // @ts-expect-error -- no such table
      audit.update(trx, { ...who, table: 'nothing', key: { uid: 'a' }, patch: { balance: 1 } }),
      // @ts-expect-error -- no such column
      audit.update(trx, { ...who, table: 'account', key: { uid: 'a' }, patch: { balanc: 1 } }),
      // @ts-expect-error -- a value of the wrong type
      audit.update(trx, { ...who, table: 'account', key: { uid: 'a' }, patch: { balance: '1' } }),
      // @ts-expect-error -- the reason is missing
      audit.update(trx, { actor: who.actor, table: 'account', key: { uid: 'a' }, patch: { balance: 1 } }),
    ];
  };
  expect(calls).toBeTypeOf('function');
});
