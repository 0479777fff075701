export { type AnyFlagSet } from './any-flag-set.ts';
export { type Backend } from './bits.ts';
export { type UnknownPolicy, type WordResult } from './boundary.ts';
export { decimalCodec, namesCodec, numberCodec, textCodec, type CodecOptions, type WordCodec } from './codec.ts';
export { type Arity, type FlagsDefinition, type Group } from './definition.ts';
export {
  FlagsBackendError,
  FlagsDefinitionError,
  FlagsGroupError,
  FlagsIdentifierError,
  FlagsInputError,
  FlagsLegacyError,
  FlagsMachineError,
  FlagsManifestError,
  FlagsRollupError,
  RollupCycleError,
  RollupDepthError,
  RollupDriftError,
  RollupIsolationError,
  RollupRowError,
  UnknownFlagError,
  type BoundaryError,
  type DefinitionFault,
  type FlagsErrorCode,
} from './errors.ts';
export {
  defineFlags,
  type FlagName,
  type FlagSet,
  type FlagsOf,
  type FlagsSpec,
  type Word,
  type WordIssue,
} from './flags.ts';
export { compareManifests, type FlagsManifest, type ManifestChanges } from './manifest.ts';
export { type StandardResult, type StandardSchema } from './standard-schema.ts';
export { machineOf, type DefineMachine, type Machine, type TransitionResult } from './machine.ts';
export { type Condition, type EventSpec, type MachineOptions } from './machine-definition.ts';
export { type Source, type Transition } from './transition.ts';
export { rollupOf, type Rollup, type RollupRule, type RollupSpec } from './rollup.ts';
export { sqlOf, transitionSql, type FlagIndexOptions, type FlagsDdl, type FlagsSql, type SqlDialect, type TransitionSql } from './sql.ts';
export { type FlagConditions } from './sql-text.ts';
export { luaOf, type LuaOptions } from './lua.ts';
export { toMermaid } from './mermaid.ts';
export { legacyOf, type Legacy, type LegacySpec, type LegacySql } from './legacy.ts';
export { legacyText, type LegacyShape, type LegacyTextOptions } from './legacy-text.ts';
