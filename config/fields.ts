/**
 * The kinds of value that a configuration is made of. Each carries the sentence that says what is expected, once, and gives it as the message of
 * whichever check fails: a fault then reads the same whether the value has the wrong type, the wrong sign or one digit too many.
 */
import { z } from 'zod';
import { isLoopback } from '../core/loopback.ts';
import { functionKeyPattern, parseFunctionKey } from '../core/series-key.ts';
import { parseInstant } from '../core/time.ts';

/** A map that refuses keys it does not know: a misspelt limit must not silently be no limit. */
export function strictMap<const Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const keys = Object.keys(shape);
  const expected = `a map of ${keys.slice(0, 4).join(', ')}${keys.length > 4 ? ', …' : ''}`;
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : expected) });
}

export function listOf<Item extends z.ZodType>(item: Item, of: { items: string; countMin?: number; countMax: number }) {
  const { items, countMin = 0, countMax } = of;
  const error = `a list of ${countMin > 0 ? `${countMin} to ${countMax}` : `at most ${countMax}`} ${items}`;
  return z.array(item, { error }).min(countMin, { error }).max(countMax, { error });
}

export function wholeNumber(from: number, to: number) {
  const error = `a whole number from ${from} to ${to}`;
  return z.number({ error }).int({ error }).min(from, { error }).max(to, { error });
}

/** A number above `above` and at most `to`. */
export function numberAbove(above: number, to: number) {
  const error = `a number above ${above} and at most ${to}`;
  return z.number({ error }).gt(above, { error }).max(to, { error });
}

/** A number strictly between two others. */
export function numberBetween(above: number, below: number) {
  const error = `a number between ${above} and ${below}, both excluded`;
  return z.number({ error }).gt(above, { error }).lt(below, { error });
}

export function numberFrom(least: number, most: number) {
  const error = `a number from ${least} to ${most}`;
  return z.number({ error }).gte(least, { error }).lte(most, { error });
}

export function flag() {
  return z.boolean({ error: 'true or false' });
}

export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, { error: `${values.slice(0, -1).join(', ')} or ${values.at(-1)!}` });
}

/** Text of a stated form. `$` is for secrets alone: a setting taken from the environment would change without the file, and without its hash. */
export function text(expected: string, pattern: RegExp) {
  return z
    .string({ error: expected })
    .regex(pattern, { error: (issue) => (String(issue.input).includes('${') ? environmentHint(expected) : expected) });
}

function environmentHint(expected: string): string {
  return `${expected}, written out (the environment is read only for secrets)`;
}

/** A path, from the folder of the configuration file unless it is absolute. */
export function filePath() {
  return text('a path of 1 to 1024 characters', /^(?!.*\$\{)[^\x00-\x1f\x7f]{1,1024}$/);
}

/** Where a peer listens. Credentials and queries are refused, because they are secrets written inline. */
export function endpointUrl() {
  const expected = 'an address such as http://127.0.0.1:4510, without user, password or query';
  return text(expected, /^https?:\/\/[A-Za-z0-9.[\]:_-]{1,253}(?:\/[A-Za-z0-9._~/-]{0,512})?$/).refine(
    (value) => URL.canParse(value),
    { error: expected },
  );
}

/** Where something goes that nobody is to read or change on its way: https, or no way at all. */
export function secureUrl() {
  const expected =
    'an https address such as https://example.com/anchor (http only on this machine), without user, password or query';
  return endpointUrl().refine((value) => !URL.canParse(value) || isSecure(new URL(value)), { error: expected });
}

function isSecure({ protocol, hostname }: URL): boolean {
  return protocol === 'https:' || isLoopback(hostname);
}

export function region() {
  return text('a region such as us-east-1', /^[a-z]{2}(?:-[a-z]+)+-\d$/);
}

/** What is fetched again and again: over https, or in the clear from this machine alone. */
export function feedUrl() {
  const expected = 'an https address (http only on this machine) without user and password';
  return text(expected, /^https?:\/\/[A-Za-z0-9.[\]:_-]{1,253}(?:[/?][\x21-\x7e]{0,1500})?$/).refine(isFeedUrl, {
    error: expected,
  });
}

function isFeedUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, hash } = new URL(value);
  return hash === '' && (protocol === 'https:' || isLoopback(hostname));
}

/** For editors: that a key stands. */
export function stated(key: string): object {
  return { type: 'object', properties: { [key]: {} }, required: [key] };
}

/** A name that other settings use. */
export function resourceName() {
  return text('a name of at most 64 letters, digits, dots and dashes', /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
}

/** A secret is written as where it is kept. */
export function secretReference() {
  return z
    .string({ error: secretExpected })
    .max(1024, { error: secretExpected })
    .regex(secretPattern, { error: secretExpected });
}

/** A secret that whoever reads the disk must not find: from the environment alone. */
export function envSecretReference() {
  const error = '${env:NAME} (this secret comes from the environment alone)';
  return z.string({ error }).regex(/^\$\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\}$/, { error });
}

/** From one time of day to another: `22:00-07:00` goes over midnight. */
export function hours() {
  return text(
    'hours such as 09:00-17:30, or 22:00-07:00 over midnight',
    /^(?:[01]\d|2[0-3]):[0-5]\d-(?:[01]\d|2[0-3]):[0-5]\d$/,
  );
}

export function timeOfDay() {
  return text('a time of day such as 08:00', /^(?:[01]\d|2[0-3]):[0-5]\d$/);
}

export function timeZone() {
  return text('a time zone such as America/New_York', /^[A-Za-z][A-Za-z0-9_+/-]{1,63}$/).refine(isTimeZone, {
    error: 'a time zone such as America/New_York',
  });
}

const secretExpected = '${env:NAME} or file:PATH (a secret is never written in this file)';
const secretPattern = /^(?:\$\{env:[A-Za-z_][A-Za-z0-9_]*\}|file:[^\x00-\x1f\x7f]+)$/;

/** A function with its alias. The message says which of the usual mistakes it is. */
export function functionKey() {
  const error = (issue: { readonly input?: unknown }): string => explainFunctionKey(issue.input);
  return z
    .string({ error })
    .refine((value) => parseFunctionKey(value) !== undefined, { error })
    .meta({ pattern: functionKeyPattern.source });
}

function explainFunctionKey(input: unknown): string {
  const form = 'account/region/name:alias, such as 123456789012/us-east-1/orders-validate:live';
  const qualifier = typeof input === 'string' ? /:([^:/]*)$/.exec(input)?.[1] : undefined;
  if (qualifier === '$LATEST') return `an alias instead of $LATEST, which cannot hold provisioned concurrency: ${form}`;
  if (qualifier !== undefined && /^\d+$/.test(qualifier))
    return `an alias instead of a version, which a deployment would leave behind: ${form}`;
  return form;
}

/** A day, `2026-11-20`. */
export function day() {
  const error = 'a day such as 2026-11-20';
  return z.iso.date({ error });
}

/** An instant with its zone, `2026-11-20T22:00:00Z`. */
export function instant() {
  const error = 'an instant such as 2026-11-20T22:00:00Z';
  return text(error, /^[0-9T:.Z+-]{16,32}$/).refine((value) => parseInstant(value) !== undefined, { error });
}

/** An exchange, or the time zone of a service that never closes. */
export function venue() {
  const error = 'XNYS, XNAS, or a time zone such as UTC or Europe/Paris for demand that never closes';
  return text(error, /^[A-Za-z][A-Za-z0-9_+/-]{1,63}$/).refine((value) => isExchange(value) || isTimeZone(value), {
    error,
  });
}

function isExchange(value: string): boolean {
  return value === 'XNYS' || value === 'XNAS';
}

function isTimeZone(value: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
