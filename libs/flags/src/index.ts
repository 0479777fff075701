export { type Arity, type Group } from './definition.ts';
export {
  FlagsDefinitionError,
  FlagsGroupError,
  FlagsInputError,
  UnknownFlagError,
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
} from './flags.ts';
