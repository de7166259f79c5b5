/**
 * Reading what callers send in a body, member by member. Everything is hostile until it is read; the real service tells a member of the wrong
 * type from one of a wrong value, and so do the refusals here.
 */
import { invalidMember, unreadable } from './answer.ts';

export type Members = Readonly<Record<string, unknown>>;

/** @throws Refusal when the body is no JSON object; an empty one counts as none of the members. */
export function membersIn(body: string): Members {
  if (body === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw unreadable('Could not parse request body into json');
  }
  return objectOf(parsed, 'request body');
}

/** A text, or undefined where the member is not there. */
export function textIn(members: Members, member: string): string | undefined {
  const value = members[member] ?? undefined;
  if (value !== undefined && typeof value !== 'string') throw unreadable(`${wireName(member)} is not a string`);
  return value;
}

export function booleanIn(members: Members, member: string): boolean {
  const value = members[member] ?? false;
  if (typeof value !== 'boolean') throw unreadable(`${wireName(member)} is not a boolean`);
  return value;
}

/** A whole number, or undefined where the member is not there. */
export function integerIn(members: Members, member: string): number | undefined {
  const value = members[member] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) > 2 ** 31 - 1) {
    throw unreadable(`${wireName(member)} is not a 32-bit integer`);
  }
  return value;
}

/** Any number, or undefined where the member is not there. */
export function numberIn(members: Members, member: string): number | undefined {
  const value = members[member] ?? undefined;
  if (value !== undefined && (typeof value !== 'number' || !Number.isFinite(value))) {
    throw unreadable(`${wireName(member)} is not a number`);
  }
  return value;
}

export function membersOf(members: Members, member: string): Members | undefined {
  const value = members[member] ?? undefined;
  return value === undefined ? undefined : objectOf(value, wireName(member));
}

/** @throws Refusal in the words of the real service when the member is not there. */
export function required<Value>(value: Value | undefined, member: string): Value {
  if (value === undefined) throw invalidMember('null', wireName(member), 'Member must not be null');
  return value;
}

/** @throws Refusal in the words of the real service when the value lies outside. */
export function inRange(
  value: number,
  member: string,
  { min, max = Infinity }: { readonly min: number; readonly max?: number },
): number {
  const name = wireName(member);
  if (value < min) throw invalidMember(`'${value}'`, name, `Member must have value greater than or equal to ${min}`);
  if (value > max) throw invalidMember(`'${value}'`, name, `Member must have value less than or equal to ${max}`);
  return value;
}

/** A text no longer than Lambda takes. @throws Refusal in the words of the real service. */
export function upTo(lengthMax: number, text: string, member: string): string {
  if (text.length <= lengthMax) return text;
  const constraint = `Member must have length less than or equal to ${lengthMax}`;
  throw invalidMember(`'${text.slice(0, 300)}'`, wireName(member), constraint);
}

/** @throws Refusal in the words of the real service when the text is none of the values. */
export function oneOf<Value extends string>(
  values: readonly Value[],
  text: string | undefined,
  member: string,
): Value | undefined {
  const found = values.find((value) => value === text);
  if (found !== undefined || text === undefined) return found;
  const constraint = `Member must satisfy enum value set: [${values.join(', ')}]`;
  throw invalidMember(`'${text.slice(0, 200)}'`, wireName(member), constraint);
}

/** @throws Refusal in the words of the real service when the text is not of that form. */
export function matching(pattern: RegExp, text: string, member: string): string {
  if (pattern.test(text)) return text;
  const constraint = `Member must satisfy regular expression pattern: ${pattern.source}`;
  throw invalidMember(`'${text.slice(0, 200)}'`, wireName(member), constraint);
}

/** Validation speaks of members as its model spells them: in lower camel case. */
function wireName(member: string): string {
  return member.replace(/(^|\.)[A-Z]/g, (initial) => initial.toLowerCase());
}

function objectOf(value: unknown, what: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw unreadable(what === 'request body' ? 'Could not parse request body into json' : `${what} is not a structure`);
  }
  return value as Members;
}
