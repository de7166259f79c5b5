/**
 * The command line: finds the verb, runs it, and turns what went wrong into one line and an exit code. The contract is in docs/cli.md.
 */
import { InputError, WorldError } from '../core/errors.ts';
import { release } from '../service/release.ts';
import { verbs } from './verbs.ts';
import type { ExitCode, Terminal, Verb } from './verb.ts';

/** One key press may arrive twice: from the terminal, and passed on by npm or by the launcher that runs us under another Node. */
const samePressMs = 300;

const interrupted = new AbortController();
let interruptedAtMs = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!interrupted.signal.aborted) {
      interruptedAtMs = performance.now();
      interrupted.abort(new Error(`interrupted by ${signal}`));
    } else if (performance.now() - interruptedAtMs > samePressMs) {
      // A second request means now: what is durable stays durable.
      process.exit(130);
    }
  });
}

const hasColour = process.stdout.isTTY && !process.env['NO_COLOR'];
const terminal: Terminal = {
  env: process.env,
  isInteractive: process.stderr.isTTY && process.env['CI'] === undefined,
  hasColour,
  // Some pseudo-terminals say 0: then what every terminal has been since the first.
  progressColumns: () => process.stderr.columns || 80,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  signal: interrupted.signal,
};

// A reader that went away (`| head`) ends us quietly, as it ends any other program.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  process.stderr.write(`foreshock: the output cannot be written (${error.code ?? error.message})\n`);
  process.exit(2);
});

process.exitCode = await runCommandLine(process.argv.slice(2), terminal);

async function runCommandLine(args: readonly string[], to: Terminal): Promise<ExitCode> {
  const found = findVerb(args);
  if (!found) return refuseOrHelp(args, to);
  const { verb, rest } = found;
  if (rest.includes('--help') || rest.includes('-h')) {
    to.out(`foreshock ${verb.name}: ${verb.summary}\n\n${verb.usage.trim()}\n`);
    return 0;
  }
  try {
    return await verb.run(rest, to);
  } catch (error) {
    // Whatever was being read or written when the person pressed Ctrl-C: it was they who ended it, and they know.
    if (to.signal.aborted && !(error instanceof InputError)) return 1;
    if (error instanceof InputError || error instanceof WorldError) {
      for (const line of error.message.split('\n')) to.err(`foreshock ${verb.name}: ${line}\n`);
      return 2;
    }
    throw error;
  }
}

function findVerb(args: readonly string[]): { verb: Verb; rest: readonly string[] } | undefined {
  for (const wordCount of [2, 1]) {
    const name = args.slice(0, wordCount).join(' ');
    const verb = verbs.find((candidate) => candidate.name === name);
    if (verb) return { verb, rest: args.slice(wordCount) };
  }
  return undefined;
}

async function refuseOrHelp(args: readonly string[], to: Terminal): Promise<ExitCode> {
  const [first] = args;
  if (first === '--version' || first === 'version') {
    to.out(`${release}\n`);
    return 0;
  }
  if (first === 'help' && args.length > 1) return runCommandLine([...args.slice(1), '--help'], to);
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    to.out(overview());
    return 0;
  }
  const near = verbs.filter((verb) => verb.name.split(' ')[0] === first).map((verb) => verb.name);
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'see foreshock --help';
  const named = near.length > 0 ? args.slice(0, 2).join(' ') : first;
  to.err(`foreshock: there is no verb "${named}": ${hint}\n`);
  return 2;
}

function overview(): string {
  const width = Math.max(...verbs.map((verb) => verb.name.length));
  const lines = verbs.map((verb) => `  ${verb.name.padEnd(width)}  ${verb.summary}`);
  return `foreshock: warms AWS Lambda before scheduled market events, verifies it, and writes down why\n\n${lines.join('\n')}\n\nforeshock VERB --help shows a verb's flags; every verb takes --json.\n`;
}
