/**
 * Secrets: written in the file as where they are kept, read once at load, and opaque from then on. What prints a secret prints `[secret]`; only
 * `reveal` gives it away, so that a search for that word finds every place that does.
 */
import { inspect } from 'node:util';

const mask = '[secret]';

export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    Object.freeze(this);
  }

  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return mask;
  }

  toJSON(): string {
    return mask;
  }

  [inspect.custom](): string {
    return mask;
  }
}

export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The bytes of a file named in a `file:` reference, at most so many. */
  readFile(path: string, bytesMax: number): Promise<Uint8Array>;
}

/** Why a reference gives no secret; never holds any of it. */
export interface NoSecret {
  readonly got: string;
  readonly expected: string;
}

/** Sixteen characters of a random token are 64 bits or more; anything shorter was thought up by a human. */
const lengthMin = 16;
const bytesMax = 4096;

/**
 * Reads what a reference of the schema's form (`${env:NAME}` or `file:PATH`) points at. One line break at the end of a file is dropped, because editors
 * leave one.
 */
export async function readSecret(reference: string, sources: SecretSources): Promise<Secret | NoSecret> {
  const name = /^\$\{env:(\w+)\}$/.exec(reference)?.[1];
  if (name !== undefined) {
    const text = sources.env[name];
    if (text === undefined) return { got: `no environment variable ${name}`, expected: 'it to be set' };
    return checkSecret(text, `environment variable ${name}`);
  }
  const path = reference.slice('file:'.length);
  let bytes: Uint8Array;
  try {
    bytes = await sources.readFile(path, bytesMax);
  } catch (error) {
    return { got: `no secret from ${reference} (${(error as Error).message})`, expected: 'a readable file' };
  }
  return checkSecret(new TextDecoder().decode(bytes).replace(/\r?\n$/, ''), reference);
}

/** A key has line breaks, and blanks in its first and last line. */
const pemPattern = /^-----BEGIN [A-Z ]+-----\n[A-Za-z0-9+/=\n]+-----END [A-Z ]+-----$/;

function checkSecret(text: string, from: string): Secret | NoSecret {
  if (!/^[\x21-\x7e]*$/.test(text) && !pemPattern.test(text))
    return { got: `blanks or unusual characters in ${from}`, expected: 'printable ASCII without blanks' };
  if (text.length < lengthMin)
    return { got: `too short a secret in ${from}`, expected: `at least ${lengthMin} characters` };
  return new Secret(text);
}
