import { cron, explain } from '@staddle/cron';

const options = { after: Date.parse('2026-03-27T12:00:00Z'), count: 3 };
console.log(explain('30 2 * * *', 'Europe/Paris', options).text);
console.log(explain(cron('0 9 L * *', { tz: 'Asia/Shanghai' }), { ...options, language: 'zh' }).text);
for (const { rule, message } of explain('0 0 31 * FRI', 'UTC', options).warnings) console.log(`${rule}: ${message}`);
