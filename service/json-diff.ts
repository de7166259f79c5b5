/** Where two JSON values differ, in lines for people. */
import type { Json } from '../core/json.ts';

const lineCountMax = 20;
const textLengthMax = 200;

/** A line for each place: its path, what stands in the one and in the other. Empty where they are equal; a difference of the order of members is none. */
export function diffJson(recorded: Json, recomputed: Json): readonly string[] {
  const lines: string[] = [];
  compare(recorded, recomputed, '', lines);
  if (lines.length <= lineCountMax) return lines;
  return [...lines.slice(0, lineCountMax), `… and ${lines.length - lineCountMax} more`];
}

function compare(one: Json | undefined, other: Json | undefined, path: string, lines: string[]): void {
  if (isMap(one) && isMap(other)) {
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)]))
      compare(one[key], other[key], path === '' ? key : `${path}.${key}`, lines);
  } else if (isList(one) && isList(other)) {
    for (let index = 0; index < Math.max(one.length, other.length); index++)
      compare(one[index], other[index], `${path}[${index}]`, lines);
  } else if (one !== other) {
    lines.push(`${path === '' ? 'all' : path}: recorded ${describe(one)}, recomputed ${describe(other)}`);
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
