import { insertIgnore, storeNow, upsert, type Database } from '@staddle/database';
import type { Generated } from 'kysely';
import type { LinkState } from '../link.ts';
import type { LinkKey, LinkRecord, LinkStore } from '../link-store.ts';

export { shortlinkMigrations } from './migrations.ts';

/** Times are epoch ms of the store's clock. */
interface ShortlinkTables {
  shortlink_link: {
    id: Generated<number>;
    uid: string;
    tenant_id: string;
    owner_id: string | null;
    domain_id: number;
    slug_key: string;
    long_url: string;
    state: number;
    version: number;
    created_at: number;
    updated_at: number;
  };
  shortlink_count: { link_id: number; visits: number };
}

const DOMAIN_ID = 1;

const STATE = { ACTIVE: 0, DELETED: 4 } as const satisfies Record<LinkState, number>;
// A newer program may have put links into further states while this one still runs: they are not there for us.
const KNOWN_STATES = Object.values(STATE);

/** Links in SQLite, MySQL or MariaDB, in the tables of `shortlinkMigrations`. The caller owns and closes the database. */
export function sqlLinkStore(database: Database): LinkStore {
  const db = database.query<ShortlinkTables>();
  const now = storeNow(database);

  const records = () =>
    db
      .selectFrom('shortlink_link as link')
      .leftJoin('shortlink_count as count', 'count.link_id', 'link.id')
      .select(['link.id', 'link.uid', 'link.slug_key as slug', 'link.long_url as longUrl', 'link.owner_id as owner', 'link.version'])
      .select(['link.created_at as createdAt', 'link.updated_at as updatedAt', 'link.state'])
      .select(({ fn, val }) => fn.coalesce('count.visits', val(0)).as('visits'))
      .where('link.state', 'in', KNOWN_STATES);

  const get = async ({ tenant, uid }: LinkKey): Promise<LinkRecord | undefined> => {
    const row = await records().where('link.uid', '=', uid).where('link.tenant_id', '=', tenant).executeTakeFirst();
    return row && { ...row, state: stateName(row.state) };
  };

  return {
    name: database.dialect,

    async insert({ uid, slug, longUrl, tenant, owner }) {
      const inserted = await insertIgnore(
        database,
        db.insertInto('shortlink_link').values({
          uid,
          tenant_id: tenant,
          owner_id: owner,
          domain_id: DOMAIN_ID,
          slug_key: slug,
          long_url: longUrl,
          state: STATE.ACTIVE,
          version: 1,
          created_at: now,
          updated_at: now,
        }),
      );
      return inserted ? get({ tenant, uid }) : undefined;
    },

    async resolve(slug) {
      const row = await db
        .selectFrom('shortlink_link')
        .select(['id', 'uid', 'long_url as longUrl', 'state'])
        .where('domain_id', '=', DOMAIN_ID)
        .where('slug_key', '=', slug)
        .where('state', 'in', KNOWN_STATES)
        .executeTakeFirst();
      return row && { ...row, state: stateName(row.state) };
    },

    get,

    async delete(key) {
      await db
        .updateTable('shortlink_link')
        .set((eb) => ({ state: STATE.DELETED, version: eb('version', '+', 1), updated_at: now }))
        .where('uid', '=', key.uid)
        .where('tenant_id', '=', key.tenant)
        .where('state', '=', STATE.ACTIVE)
        .execute();
      return get(key);
    },

    async list({ tenant, beforeId, limit }) {
      let query = records().where('link.tenant_id', '=', tenant).where('link.state', '=', STATE.ACTIVE).orderBy('link.id', 'desc').limit(limit);
      if (beforeId !== undefined) query = query.where('link.id', '<', beforeId);
      return (await query.execute()).map((row) => ({ ...row, state: stateName(row.state) }));
    },

    async addVisits(visits) {
      // In one order everywhere: two processes that add to the same links would else wait for each other.
      const rows = Array.from(visits, ([link_id, count]) => ({ link_id, visits: count })).toSorted((a, b) => a.link_id - b.link_id);
      const insert = db.insertInto('shortlink_count').values(rows);
      await upsert(database, insert, { key: ['link_id'], add: ['visits'] }).execute();
    },
  };
}

function stateName(state: number): LinkState {
  return state === STATE.ACTIVE ? 'ACTIVE' : 'DELETED';
}
