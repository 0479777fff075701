import type { FlagSet } from './flags.ts';

/** Any flags type, for what is compiled from one. */
export type AnyFlagSet = FlagSet<string, string, Record<string, string>, string, number | bigint>;

/** What the words of a set are at run time. */
export type ValueOf<Flags extends AnyFlagSet> = Unbranded<Flags['none']>;
type Unbranded<W> = W extends bigint ? bigint : number;

/** The groups of a set. */
export type GroupName<Flags extends AnyFlagSet> = Extract<keyof Flags['definition']['groups'], string>;

/** The members of a group. */
export type MemberOf<Flags extends AnyFlagSet, Group extends GroupName<Flags>> = Flags['definition']['groups'][Group]['of'][number];

/** The named masks of a set, groups not included. */
export type MaskName<Flags extends AnyFlagSet> = Extract<keyof Flags['definition']['masks'], string>;
