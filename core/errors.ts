/**
 * What the outside world can do to us, as errors with a stable code.
 *
 * An `InputError` is a file, flag or setting that somebody can mend: one line saying what, where, and what to do; the command line ends
 * with exit 2. A `WorldError` is a peer that did not answer as it should: `retryable` says whether asking again can help.
 */

export class InputError extends Error {
  override readonly name = 'InputError';
  readonly code: string;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

export class WorldError extends Error {
  override readonly name: string = 'WorldError';
  readonly code: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: { readonly retryable: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable;
  }
}
