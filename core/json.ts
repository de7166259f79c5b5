/** A JSON value: what may cross the store, the audit log and the API. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
