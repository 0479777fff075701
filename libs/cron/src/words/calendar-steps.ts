const EVERY = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?$/;

/** What `every` of a calendar trigger adds, from its canonical form. */
export function calendarSteps(every: string): { readonly months: number; readonly days: number } {
  const [, years = '0', months = '0', weeks = '0', days = '0'] = EVERY.exec(every)!;
  return { months: Number(years) * 12 + Number(months), days: Number(weeks) * 7 + Number(days) };
}
