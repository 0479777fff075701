export type Dialect = 'sqlite' | 'mysql';

/** A dialect or anything that knows its own, such as a `Database`. */
export type DialectSource = Dialect | { readonly dialect: Dialect };

export function dialectOf(source: DialectSource): Dialect {
  return typeof source === 'string' ? source : source.dialect;
}
