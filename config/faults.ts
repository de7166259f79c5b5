/**
 * What is wrong with a configuration, one line a fault: `foreshock.yaml:12:15 functions[0].memoryMb: got 64, expected a whole number from 128 to 10240`.
 */
import { InputError } from '../core/errors.ts';
import type { Path, Place } from './document.ts';

export interface Fault extends Place {
  /** `functions[0].memoryMb`; empty for the file itself. */
  readonly path: string;
  readonly got: string;
  readonly expected: string;
}

/** More lines than this on a terminal hide the first ones. */
const lineCountMax = 50;

/** All faults of one file, in the order of its lines. The message holds a line for each. */
export class ConfigError extends InputError {
  readonly faults: readonly Fault[];

  constructor(file: string, faults: readonly Fault[]) {
    const lines = faults.slice(0, lineCountMax).map((fault) => formatFault(file, fault));
    if (faults.length > lines.length) lines.push(`${file}: and ${faults.length - lines.length} more`);
    super('config', lines.join('\n'));
    this.faults = faults;
  }
}

function formatFault(file: string, { line, column, path, got, expected }: Fault): string {
  return `${file}:${line}:${column}${path === '' ? '' : ` ${path}`}: got ${got}, expected ${expected}`;
}

/** `functions[0].runDurationMs.p50`; a key that is not a plain word stands quoted and shortened. */
export function formatPath(path: Path): string {
  return path
    .map((segment, index) => {
      if (typeof segment === 'number') return `[${segment}]`;
      const key = String(segment);
      if (!/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(key)) return `[${quote(key)}]`;
      return index === 0 ? key : `.${key}`;
    })
    .join('');
}

/** A value as a fault shows it: short, on one line, and only the kind of what has parts. */
export function describeValue(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? `a list of ${value.length}` : 'a map';
}

/** What a terminal would obey or hide: control characters, and marks that turn the direction of text. */
const unprintable = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const textLengthMax = 60;

function quote(text: string): string {
  const short = text.length > textLengthMax ? `${text.slice(0, textLengthMax)}…` : text;
  return JSON.stringify(short).replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * The known key that was probably meant: fewest slips of the keyboard away, at most a third of its letters. Case, dashes and underscores do not
 * count as slips.
 *
 * - Levenshtein, Binary codes capable of correcting deletions, insertions and reversals, 1966.
 */
export function nearestKey(key: string, known: readonly string[]): string | undefined {
  const plain = (text: string): string => text.toLowerCase().replaceAll(/[-_]/g, '');
  const typed = plain(key.slice(0, textLengthMax));
  let nearest: string | undefined;
  let slipsMin = Infinity;
  for (const candidate of known) {
    const slips = countSlips(typed, plain(candidate));
    if (slips < slipsMin && slips <= Math.max(1, Math.floor(candidate.length / 3))) {
      nearest = candidate;
      slipsMin = slips;
    }
  }
  return nearest;
}

function countSlips(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 0; row < from.length; row++) {
    const current = [row + 1];
    for (let column = 1; column <= to.length; column++) {
      const replaced = previous[column - 1]! + (to[column - 1] === from[row] ? 0 : 1);
      current.push(Math.min(replaced, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[to.length]!;
}
