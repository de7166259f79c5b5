import { expect, it } from 'vitest';
import { clearProgress, drawProgress } from './progress.ts';
import { parseFlags, type Terminal } from './verb.ts';

function terminalOf(options: { isInteractive: boolean; columns?: number }): { terminal: Terminal; drawn: string[] } {
  const drawn: string[] = [];
  const terminal: Terminal = {
    env: {},
    isInteractive: options.isInteractive,
    hasColour: true,
    ...(options.columns !== undefined && { progressColumns: () => options.columns! }),
    out: (text) => expect.unreachable(text),
    err: (text) => drawn.push(text),
    signal: new AbortController().signal,
  };
  return { terminal, drawn };
}

it.each([
  { name: 'what fits', columns: 6, line: 'abcde', shown: 'abcde' },
  { name: 'what would reach the last column', columns: 6, line: 'abcdef', shown: 'abcd…' },
  {
    name: 'colours, which take no room',
    columns: 6,
    line: '\u001b[32mabcde\u001b[0m',
    shown: '\u001b[32mabcde\u001b[0m',
  },
  { name: 'colours that are cut', columns: 6, line: '\u001b[32mabcdef\u001b[0m', shown: 'abcd…' },
  { name: 'a terminal of unknown width', columns: undefined, line: 'x'.repeat(80), shown: `${'x'.repeat(78)}…` },
])('draws over itself on one line: $name', ({ columns, line, shown }) => {
  const { terminal, drawn } = terminalOf({ isInteractive: true, ...(columns !== undefined && { columns }) });
  drawProgress(terminal, line);
  expect(drawn).toEqual([`\r${shown}\u001b[K`]);
});

it('is silent in a pipe', () => {
  const { terminal, drawn } = terminalOf({ isInteractive: false });
  drawProgress(terminal, 'window 1 of 2');
  clearProgress(terminal);
  expect(drawn).toEqual([]);
});

it.each([
  { name: 'a word that is no flag', args: ['foreshock.yaml'], says: 'unexpected word "foreshock.yaml"' },
  { name: 'an unknown flag', args: ['--prot', '1'], says: "Unknown option '--prot'; see --help" },
  { name: 'a flag without its value', args: ['--port'], says: "Option '--port <value>' argument missing; see --help" },
  {
    name: 'a value that looks like a flag',
    args: ['--port', '-1'],
    says: "Option '--port' argument is ambiguous; see --help",
  },
])('refuses in one line $name', ({ args, says }) => {
  let message = '';
  try {
    parseFlags(args, { port: { type: 'string' } });
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).toContain(says);
  expect(message).not.toContain('\n');
});
