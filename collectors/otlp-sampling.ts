/**
 * How many requests a span stands for. A consistent probability sampler writes its rejection threshold T into the trace state (`ot=th:…`): it kept the
 * traces whose 56 random bits are at least T, so one that was kept stands for 2^56 / (2^56 - T).
 *
 * @see https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/
 */

/** What is known of how a sender samples, where its spans do not say. */
export type Sampling =
  /** Each request has this chance; 1 where all come. */
  | { readonly kind: 'ratio'; readonly ratio: number }
  /** Spans whose trace state has a threshold are counted by it; the others show shapes and shares, never rates. */
  | { readonly kind: 'unknown' }
  /** Chosen after the fact (the slow, the failed): what the trace state says of the first choice no longer holds, so no span is counted. */
  | { readonly kind: 'tail' };

const equalsSign = 0x3d;
const comma = 0x2c;
const semicolon = 0x3b;
const digitCount = 14;

/** The adjusted count in a trace state's bytes; 0 where it has no threshold that can be read. */
export function adjustedCountOf(bytes: Uint8Array, from: number, until: number): number {
  // List members are `key=value`, split by commas; ours is `ot`, its own fields split by semicolons.
  for (let at = from; at < until;) {
    let end = at;
    while (end < until && bytes[end] !== comma) end++;
    while (at < end && (bytes[at] === 0x20 || bytes[at] === 0x09)) at++;
    if (end - at > 3 && bytes[at] === 0x6f && bytes[at + 1] === 0x74 && bytes[at + 2] === equalsSign) {
      return countInFields(bytes, at + 3, end);
    }
    at = end + 1;
  }
  return 0;
}

function countInFields(bytes: Uint8Array, from: number, until: number): number {
  for (let at = from; at < until;) {
    let end = at;
    while (end < until && bytes[end] !== semicolon) end++;
    if (bytes[at] === 0x74 && bytes[at + 1] === 0x68 && bytes[at + 2] === 0x3a)
      return countOfDigits(bytes, at + 3, end);
    at = end + 1;
  }
  return 0;
}

/** One to fourteen hexadecimal digits, those at the end left out being zeros: the fraction T / 2^56. */
function countOfDigits(bytes: Uint8Array, from: number, until: number): number {
  while (until > from && (bytes[until - 1] === 0x20 || bytes[until - 1] === 0x09)) until--;
  if (until === from || until - from > digitCount) return 0;
  let fraction = 0;
  let scale = 1 / 16;
  for (let at = from; at < until; at++, scale /= 16) {
    const digit = digitOf(bytes[at]!);
    if (digit < 0) return 0;
    fraction += digit * scale;
  }
  // Below one in 16 million a single span would be a flood of its own; nobody samples so, and nobody may claim to.
  return fraction > 1 - 2 ** -24 ? 0 : 1 / (1 - fraction);
}

function digitOf(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}
