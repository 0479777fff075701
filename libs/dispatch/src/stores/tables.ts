import type { Generated, GeneratedAlways } from 'kysely';

/** Times are epoch ms of the store's clock; JSON is text. */
export interface DispatchTables {
  dispatch_task: TaskTable;
  dispatch_occurrence: OccurrenceTable;
  dispatch_run: RunTable;
}

interface TaskTable {
  id: Generated<number>;
  uid: string;
  module: string;
  handler: string;
  title: string | null;
  description: string | null;
  user_name: string | null;
  biz_key: string | null;
  trigger_json: string;
  payload_json: string;
  state: number;
  reason: string | null;
  version: number;
  next_run_at: number | null;
  last_scheduled_at: number | null;
  run_count: number;
  created_at: number;
  updated_at: number;
  /** `next_run_at` while the planner may act on the task, else null: the index on it holds plannable tasks only. */
  due_at: GeneratedAlways<number | null>;
  /** `biz_key` while the task is live, else null: the unique key on it leaves the past alone. */
  biz_live: GeneratedAlways<string | null>;
}

/** The ledger: one row per instant, or range of instants, of a task's trigger, and one per manual run. */
interface OccurrenceTable {
  task_id: number;
  occ_key: string;
  scheduled_at: number;
  to_at: number | null;
  instants: number | null;
  outcome: number;
  run_uid: string | null;
  created_at: number;
}

interface RunTable {
  id: Generated<number>;
  uid: string;
  task_id: number;
  occ_key: string;
  module: string;
  handler: string;
  payload_json: string;
  scheduled_at: number;
  fire_at: number;
  state: number;
  attempt: number;
  claims: number;
  fence: number;
  owner: string | null;
  lease_until: number | null;
  result_json: string | null;
  error_json: string | null;
  created_at: number;
  claimed_at: number | null;
  started_at: number | null;
  finished_at: number | null;
  /** `fire_at` while the run is READY, else null. */
  ready_at: GeneratedAlways<number | null>;
  /** `lease_until` while the run is owned, else null. */
  lease_live: GeneratedAlways<number | null>;
}
