import { after, cron, parseTrigger } from '@staddle/cron';

const backup = cron('30 2 * * *', { tz: 'America/New_York' });
let at = Date.parse('2025-03-07T12:00:00Z');
for (let run = 0; run < 3; run++) {
  at = backup.next(at)!;
  console.log(new Date(at).toISOString()); // on the 9th there is no 02:30: it runs at 07:00Z, when clocks jump to 03:00
}

const check = after({ delay: '30m' }).resolve(Date.parse('2026-11-20T10:00:00Z'));
console.log(JSON.stringify(check)); // {"v":1,"kind":"date","at":"2026-11-20T10:30:00.000Z"}
console.log(parseTrigger({ kind: 'cron', expr: '*/5 * * * *', tz: 'UTC' }).next(0)); // 300000
