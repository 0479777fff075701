import { CronImportError } from '../errors.ts';
import { parseCronExpression } from '../expression/cron-expression.ts';
import type { Trigger } from '../trigger.ts';
import { cron } from '../triggers/cron-trigger.ts';
import { DAYS, HOURS, MINUTES, MONTH_NAMES, MONTHS, readItem, WEEKDAY_NAMES, type ItemRules, type ValueRange } from './cron-text.ts';
import { Importing, type ImportNote } from './imported.ts';

export interface CrontabOptions {
  /** The zone of the machine that the file is from, for lines without `CRON_TZ`. */
  readonly tz?: string | undefined;
  /** `/etc/crontab` and files of `/etc/cron.d`: a user stands in front of the command. Default false. */
  readonly system?: boolean | undefined;
}

/** One job of a crontab file. */
export interface CrontabEntry {
  /** Line number, from 1. */
  readonly line: number;
  readonly trigger: Trigger;
  readonly command: string;
  /** What follows the first `%` of the command, with further ones as line ends. */
  readonly input?: string;
  /** Only in system files. */
  readonly user?: string;
  /** The variables that hold for this line. */
  readonly env: Readonly<Record<string, string>>;
  readonly notes: readonly ImportNote[];
}

export interface ImportedCrontab {
  readonly entries: readonly CrontabEntry[];
  /** The lines that have no trigger, as cron itself skips them: `field` says which line. `@reboot` is among them. */
  readonly faults: readonly CronImportError[];
}

// After cronie 1.7 (src/entry.c, src/env.c, src/cron.c), which descends from Vixie cron like the cron of Debian.
const CLOCKS =
  'for each of several times in an hour that clocks skip, cron runs the job once when they jump; here it runs once for all of them';

/**
 * The jobs of a crontab file. A line that cron refuses does not stop the others: it is in `faults`.
 * @throws CronImportError (`ERR_CRON_IMPORT`) for a zone that is missing or unknown
 */
export function fromCrontab(text: string, { tz, system = false }: CrontabOptions = {}): ImportedCrontab {
  if (typeof text !== 'string') new Importing('crontab').refuse('text', text, 'is not a text');
  const entries: CrontabEntry[] = [];
  const faults: CronImportError[] = [];
  const variables = new Map<string, string>();
  let env: Readonly<Record<string, string>> | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const content = raw.trim();
    if (content === '' || content.startsWith('#')) continue;
    const variable = VARIABLE.exec(content);
    if (variable) {
      variables.set(unquote(variable[1]!), unquote(variable[2]!));
      env = undefined;
      continue;
    }
    env ??= Object.fromEntries(variables);
    try {
      entries.push(readLine(index + 1, content, env, tz, system));
    } catch (error) {
      if (!(error instanceof CronImportError) || error.field === 'tz') throw error;
      faults.push(error);
    }
  }
  return { entries, faults };
}

// A name may not begin with what a time begins with, a digit or *, @, ~, -.
const VARIABLE = /^("[^"]*"|'[^']*'|[A-Za-z_]\w*)\s*=\s*(.*)$/;

function unquote(text: string): string {
  return /^(["']).*\1$/.test(text) ? text.slice(1, -1) : text;
}

const MACROS = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);
const FIELDS: readonly (ItemRules & { readonly name: string })[] = [
  { name: 'minute', ...MINUTES },
  { name: 'hour', ...HOURS },
  { name: 'day of month', ...DAYS },
  { name: 'month', ...MONTHS, names: MONTH_NAMES },
  { name: 'day of week', min: 0, max: 7, names: WEEKDAY_NAMES },
];

function readLine(line: number, content: string, env: Readonly<Record<string, string>>, machineTz: string | undefined, system: boolean): CrontabEntry {
  const importing: Importing = new Importing('crontab');
  const field = `line ${line}`;
  const fileTz = env['CRON_TZ'];
  const { tz, zone } = fileTz ? importing.zone(field, fileTz) : importing.zone('tz', machineTz);

  // A minus in front keeps the run out of the system log.
  const words = new WordReader(content.startsWith('-') ? content.slice(1) : content);
  let expr: string;
  if (words.rest.startsWith('@')) {
    expr = words.take()!;
    if (expr === '@reboot') importing.refuse(field, expr, 'has no time: run it when the process starts');
    if (!MACROS.has(expr)) importing.refuse(field, expr, 'is not a macro that cron knows');
  } else {
    const texts = FIELDS.map(({ name }) => words.take() ?? importing.refuse(field, content, `has no ${name}`));
    expr = texts.map((word, index) => readField(importing, field, word, FIELDS[index]!)).join(' ');
  }
  const user = system ? (words.take() ?? importing.refuse(field, content, 'has no user')) : undefined;
  if (words.rest === '') importing.refuse(field, content, 'has no command');

  const delay = readDelay(importing, field, env['RANDOM_DELAY']);
  const trigger = importing.build(field, expr, () => cron(expr, { tz, ...(delay > 0 && { jitter: delay }) }));
  if (parseCronExpression(expr).fixedTimes) importing.noteClockChanges(zone, CLOCKS);
  if (fileTz) importing.note('version', 'CRON_TZ is the zone of the times, as in cronie; the cron of Debian before version 13 ignores it', field);
  const carried = Object.keys(env).filter((name) => name !== 'CRON_TZ' && name !== 'RANDOM_DELAY');
  if (carried.length > 0) importing.note('environment', `${carried.join(', ')}: in env, where no handler looks${env['TZ'] === undefined ? '' : '; TZ is the zone of the command, not of its times'}`, field);
  return { line, trigger, ...readCommand(words.rest), ...(user !== undefined && { user }), env, notes: importing.notes };
}

/** The words of a line, one after the other; what is left keeps its blanks. */
class WordReader {
  rest: string;

  constructor(content: string) {
    this.rest = content.trim();
  }

  take(): string | undefined {
    const [word, ...more] = this.rest.split(/(?<=^\S+)\s+/);
    this.rest = more.join(' ');
    return word === '' ? undefined : word;
  }
}

function readField(importing: Importing, field: string, text: string, rules: ItemRules & { readonly name: string }): string {
  const refuse = (rule: string): never => importing.refuse(field, text, `as ${rules.name} ${rule}`);
  return text.split(',').map(readListItem).join(',');

  function readListItem(item: string): string {
    const random = /^(\w*)~(\w*)$/.exec(item);
    if (!random) {
      const sundayLast = item.replace(/-(?:0|sun)(?=\/|$)/i, '-7'); // cronie: Friday to Sunday, however Sunday is written
      readItem(rules.max === 7 ? sundayLast : item, rules, refuse);
      // cron follows the clock where a field begins with a star: one further on is but a list of values.
      return text.startsWith('*') ? item : item.replace('*', `${rules.min}-${rules.max}`);
    }
    importing.note('random', `cron draws ${item} anew whenever it loads the file; here the name of the schedule decides once and for all`, field);
    const { min, max } = randomBounds(random[1]!, random[2]!);
    return `H(${min}-${max})`;
  }

  function randomBounds(first: string, last: string): ValueRange {
    const min = first === '' ? rules.min : readItem(first, rules, refuse)[0]!;
    const max = last === '' ? Math.min(rules.max, rules.name === 'day of week' ? 6 : rules.max) : readItem(last, rules, refuse)[0]!;
    if (min > max) refuse('is a range that runs backwards');
    return { min, max };
  }
}

function readDelay(importing: Importing, field: string, minutes: string | undefined): number {
  if (minutes === undefined) return 0;
  if (!/^\d+$/.test(minutes) || Number(minutes) > 1_440) importing.refuse(field, minutes, 'as RANDOM_DELAY is not a number of minutes up to 1440');
  importing.note('random', 'cron draws the delay anew whenever it loads the file; here the name of the schedule and the instant decide', field);
  return Number(minutes) * 60_000;
}

/** A % that is not escaped ends the command; the rest is its standard input. */
function readCommand(text: string): { command: string; input?: string } {
  const [command, ...input] = text.split(/(?<!\\)%/).map((part) => part.replaceAll('\\%', '%'));
  return { command: command!.trimEnd(), ...(input.length > 0 && { input: input.join('\n') }) };
}
