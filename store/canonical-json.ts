/**
 * One JSON text for one value, so that a hash of the text is a hash of the value.
 *
 * - RFC 8785, JSON Canonicalization Scheme: members sorted by UTF-16 code units, numbers as ECMAScript writes them, no spaces.
 */
import canonicalizeModule from 'canonicalize';
import { assert } from '../core/assert.ts';
import type { Json } from '../core/json.ts';

// The package is CommonJS whose export is the function itself; its types describe an ES module with a default export.
const canonicalize = canonicalizeModule as unknown as (value: Json) => string;

/** Deeper values are refused: recursion must end long before the stack does. */
const depthMax = 64;

/**
 * Writes a value canonically. Refuses what JSON cannot hold (NaN, infinities, undefined) as a mistake of ours.
 * Half a surrogate pair, which RFC 8785 forbids, becomes U+FFFD: text comes from outside, and a bad title must not stop the log.
 */
export function canonicalJson(value: Json): string {
  return canonicalize(wellFormed(value, 0));
}

function wellFormed(value: Json, depth: number): Json {
  assert(depth <= depthMax, `JSON is nested deeper than ${depthMax}`);
  if (typeof value === 'string') return value.toWellFormed();
  if (typeof value === 'number') {
    assert(Number.isFinite(value), `JSON has no ${value}`);
    return value;
  }
  if (typeof value === 'boolean' || value === null) return value;
  // What the types promise is asserted all the same: the text is hashed for good.
  assert(typeof value === 'object', `JSON has no ${typeof value}`);
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => wellFormed(item, depth + 1));
  const members = Object.entries(value).map(
    ([key, item]) => [key.toWellFormed(), wellFormed(item, depth + 1)] as const,
  );
  return Object.fromEntries(members);
}
