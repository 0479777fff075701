export { type Backend } from './bits.ts';
export { type Arity, type FlagsDefinition, type Group } from './definition.ts';
export {
  FlagsBackendError,
  FlagsDefinitionError,
  FlagsGroupError,
  FlagsIdentifierError,
  FlagsInputError,
  FlagsMachineError,
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
  type UnknownPolicy,
  type Word,
  type WordCodec,
  type WordIssue,
  type WordResult,
} from './flags.ts';
