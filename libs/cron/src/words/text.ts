import { TriggerSyntaxError } from '../errors.ts';
import type { Language } from '../trigger.ts';
import { formatLocalTime } from '../zone/local-time.ts';

/** A text in each language, kept side by side so that one is not changed without the other. */
export type Texts = Readonly<Record<Language, string>>;

/** Languages come from requests. @throws TriggerSyntaxError (`ERR_CRON_TRIGGER`) for one that is not spoken */
export function readLanguage(language: Language): Language {
  if (language !== 'en' && language !== 'zh') throw new TriggerSyntaxError('language', language, 'is neither en nor zh');
  return language;
}

/** `2026-03-29 03:00:00`, with milliseconds when there are some. */
export function dateAndTime(localMs: number): string {
  return formatLocalTime(localMs).replace('T', ' ');
}

export function dateText(localMs: number): string {
  return dateAndTime(localMs).slice(0, 10);
}

/** `02:30`, with seconds when there are some. */
export function timeText(localMs: number): string {
  return dateAndTime(localMs)
    .slice(11)
    .replace(/:00$/, '');
}

/** `+05:30`. */
export function offsetText(offsetMs: number): string {
  const seconds = Math.abs(offsetMs) / 1_000;
  const [hours, minutes, rest] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${offsetMs < 0 ? '-' : '+'}${[hours, minutes, ...(rest === 0 ? [] : [rest])].map((value) => String(value).padStart(2, '0')).join(':')}`;
}

/** The first few of `items`, and how many more there are if they are known to be more. */
export function listed(items: readonly string[], most: number): Texts {
  const shown = items.slice(0, most);
  const more = items.length > most;
  return { en: `${shown.join(', ')}${more ? ' and more' : ''}`, zh: `${shown.join('、')}${more ? ' 等' : ''}` };
}
