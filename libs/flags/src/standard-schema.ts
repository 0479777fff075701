/*
 * Standard Schema, version 1 (https://standardschema.dev): the interface by which form libraries, routers and API
 * frameworks take a validator of any make. Written down here, as the specification proposes, to need no dependency.
 */
export interface StandardSchema<Input, Output> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => StandardResult<Output>;
    /** For the type checker only; there is nothing here at run time. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path: readonly PropertyKey[] }[] };
