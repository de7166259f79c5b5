/** Where two JSON values differ, in lines for people. */
import type { Json } from '../core/json.ts';

const lineCountMax = 20;
const textLengthMax = 200;

/** What the two values are called. */
export interface DiffWords {
  readonly one: string;
  readonly other: string;
}

const replayWords: DiffWords = { one: 'recorded', other: 'recomputed' };

/** A line for each place: its path, what stands in the one and in the other. Empty where they are equal; a difference of the order of members is none. */
export function diffJson(one: Json, other: Json, words: DiffWords = replayWords): readonly string[] {
  const lines = [...differences(one, other, '')].map(
    ({ path, was, is }) => `${path}: ${words.one} ${describe(was)}, ${words.other} ${describe(is)}`,
  );
  if (lines.length <= lineCountMax) return lines;
  return [...lines.slice(0, lineCountMax), `… and ${lines.length - lineCountMax} more`];
}

interface Difference {
  readonly path: string;
  readonly was: Json | undefined;
  readonly is: Json | undefined;
}

function* differences(was: Json | undefined, is: Json | undefined, path: string): Generator<Difference> {
  if (isMap(was) && isMap(is)) {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)]))
      yield* differences(was[key], is[key], path === '' ? key : `${path}.${key}`);
  } else if (isList(was) && isList(is)) {
    for (let index = 0; index < Math.max(was.length, is.length); index++)
      yield* differences(was[index], is[index], `${path}[${index}]`);
  } else if (was !== is) {
    yield { path: path === '' ? 'all' : path, was, is };
  }
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

function isMap(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function describe(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > textLengthMax ? `${text.slice(0, textLengthMax).toWellFormed()}…` : text;
}
