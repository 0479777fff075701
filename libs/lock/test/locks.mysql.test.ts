import { describeSqlLocks } from './suite/sql.ts';

describeSqlLocks('mysql');
