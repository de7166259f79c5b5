/**
 * The shape of a verb of the command line. A verb parses its words, calls the parts, and prints; what went wrong is one line on stderr.
 */
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { InputError } from '../core/errors.ts';

/** 0: done. 1: the answer is no. 2: bad usage or input. */
export type ExitCode = 0 | 1 | 2;

/** The terminal, handed in so that a verb can be run by a test. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** True where stderr is a terminal that shows progress and colour. */
  readonly isInteractive: boolean;
  /** True where stdout is a terminal that shows colour (and NO_COLOR is not set). */
  readonly hasColour: boolean;
  /** How wide the terminal of stderr is now; 80 where it is left out. */
  readonly progressColumns?: () => number;
  out(text: string): void;
  err(text: string): void;
  /** Aborted when the person presses Ctrl-C or the system asks us to stop. */
  readonly signal: AbortSignal;
}

export interface Verb {
  /** `config check`: one or two words. */
  readonly name: string;
  /** One line for the list of verbs. */
  readonly summary: string;
  /** The whole help text after the first line. */
  readonly usage: string;
  run(args: readonly string[], terminal: Terminal): Promise<ExitCode>;
}

/** The flags after the verb; the first bad word is an `InputError` that names it. No word may stand without a flag. */
export function parseFlags<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
): ReturnType<typeof parseArgs<{ args: string[]; options: Options; allowPositionals: true; strict: true }>> {
  const parsed = parse(args, options);
  const [stray] = parsed.positionals;
  if (stray !== undefined)
    throw new InputError('usage', `unexpected word "${stray}": everything is said by flags, see --help`);
  return parsed;
}

/** The same for a verb that names one thing without a flag, such as `calendar confirm ID`; `what` says what is missing where it is not there. */
export function parseWord<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
  what: string,
): { readonly word: string } & Pick<ReturnType<typeof parseFlags<Options>>, 'values'> {
  const { words, values } = parseWords(args, options, [what]);
  return { word: words[0]!, values };
}

/** The same for several, in turn: `breaker force NAME STATE`. */
export function parseWords<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
  whats: readonly string[],
): { readonly words: readonly string[] } & Pick<ReturnType<typeof parseFlags<Options>>, 'values'> {
  const { values, positionals } = parse(args, options);
  const missing = whats[positionals.length];
  if (missing !== undefined) throw new InputError('usage', `name ${missing}; see --help`);
  const stray = positionals[whats.length];
  if (stray !== undefined)
    throw new InputError('usage', `unexpected word "${stray}": one is named at a time, see --help`);
  return { words: positionals, values };
}

function parse<const Options extends ParseArgsOptionsConfig>(args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node explains at length, over several lines; its first sentence names the flag.
    const [line] = (error as Error).message.split(/\. |\.?\n/);
    throw new InputError('usage', `${line ?? 'bad usage'}; see --help`, { cause: error });
  }
}

/** Writes a result as the only thing on stdout. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`);
}
