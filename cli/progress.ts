/** One line on stderr that is drawn over and over: never wider than the terminal, for a line that wraps cannot be drawn over. */
import { stripVTControlCharacters } from 'node:util';
import type { Terminal } from './verb.ts';

const columnsDefault = 80;

/** How many characters a progress line may have: the last column stays free, where some terminals wrap already. */
export function progressWidth(terminal: Terminal): number {
  return Math.max(1, (terminal.progressColumns?.() ?? columnsDefault) - 1);
}

/** Draws the line in place of the one before; nothing where stderr is no terminal. */
export function drawProgress(terminal: Terminal, line: string): void {
  if (terminal.isInteractive) terminal.err(`\r${fitLine(line, progressWidth(terminal))}\u001b[K`);
}

export function clearProgress(terminal: Terminal): void {
  if (terminal.isInteractive) terminal.err('\r\u001b[K');
}

/** Characters that are seen: colours take no room. */
export function widthOf(line: string): number {
  return stripVTControlCharacters(line).length;
}

/** Cuts what is too wide; a line that was cut has lost its colours. */
function fitLine(line: string, width: number): string {
  return widthOf(line) <= width ? line : `${stripVTControlCharacters(line).slice(0, width - 1)}…`;
}
