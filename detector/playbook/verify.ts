/** Whether a step did what it was for: a measure of live windows, before and after. */
import { assertNever } from '../../core/assert.ts';
import type { PlaybookCondition, PlaybookMeasure } from '../../core/playbook.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import type { PlaybookCounts, PlaybookMoment } from './run.ts';
import { keyOf } from './target.ts';

/** Until a change is felt everywhere: clients and routers hear of it in seconds. */
export const settleMs = 5 * msPerSecond;

/** Of `lengthMs` of windows. Undefined: a share of no calls. */
export function measure(counts: PlaybookCounts, name: PlaybookMeasure, lengthMs: number): number | undefined {
  const { requestCount } = counts;
  // Throttled calls never became requests of the function.
  const callCount = requestCount + counts.throttleCount;
  const ratio = (part: number, whole: number): number | undefined => (whole > 0 ? part / whole : undefined);
  switch (name) {
    case 'busyEnvironments':
      return counts.busyMs / lengthMs;
    case 'coldStartRatio':
      return ratio(counts.coldStartCount, requestCount);
    case 'deadLettersPerSecond':
      return (counts.deadLetterCount * msPerSecond) / lengthMs;
    case 'errorRatio':
      return ratio(counts.errorCount, requestCount);
    case 'requestsPerSecond':
      return (requestCount * msPerSecond) / lengthMs;
    case 'slowRatio':
      return ratio(counts.slowCount, requestCount);
    case 'throttleRatio':
      return ratio(counts.throttleCount, callCount);
    default:
      return assertNever(name);
  }
}

/** What it is right before a step, in the trouble and not in the good seconds before it; undefined where nobody can tell. */
export function measureBefore(
  condition: PlaybookCondition,
  origin: string,
  { troubleFromMs, moment }: { readonly troubleFromMs: EpochMs; readonly moment: PlaybookMoment },
): number | undefined {
  const { seenUntilMs, nowMs } = moment;
  const fromMs = Math.max(seenUntilMs - condition.forMs, troubleFromMs);
  // A trouble of the last seconds is measured by what has come of them.
  const untilMs = fromMs < seenUntilMs ? seenUntilMs : nowMs;
  const counts = moment.countsOf(keyOf(condition.key, origin), fromMs, untilMs);
  return counts && measure(counts, condition.measure, Math.max(msPerSecond, untilMs - fromMs));
}

export interface Verification {
  readonly kind: 'holds' | 'not-yet' | 'failed';
  readonly because: string;
}

/** Judges the last `forMs` that are known, from `judgeFromMs` on at the earliest; at the end of `withinMs` it has failed. */
export function verify(
  condition: PlaybookCondition,
  {
    origin,
    judgeFromMs,
    measuredBefore,
    moment,
  }: {
    readonly origin: string;
    readonly judgeFromMs: EpochMs;
    readonly measuredBefore: number | undefined;
    readonly moment: PlaybookMoment;
  },
): Verification {
  const { forMs, withinMs, requestCountMin, isSilenceFine } = condition;
  const key = keyOf(condition.key, origin);
  const said = `${condition.measure} of ${key}`;
  const unless = (because: string): Verification => ({
    kind: moment.nowMs >= judgeFromMs + Math.max(withinMs, forMs) ? 'failed' : 'not-yet',
    because,
  });
  const untilMs = moment.seenUntilMs;
  if (untilMs - forMs < judgeFromMs) return unless(`${said}: not seen for ${forMs / msPerSecond} s yet`);
  const counts = moment.countsOf(key, untilMs - forMs, untilMs);
  const callCount = counts ? counts.requestCount + counts.throttleCount : 0;
  if (callCount === 0 && isSilenceFine) return { kind: 'holds', because: `${key} is silent, as was wanted` };
  if (!counts || callCount < requestCountMin)
    return unless(`${said}: ${Math.round(callCount)} calls are too few to tell`);
  const bound =
    'below' in condition.bound ? condition.bound.below : boundOfBefore(condition.bound.ofBefore, measuredBefore);
  if (bound === undefined) return unless(`${said}: what it was before is not known`);
  const value = measure(counts, condition.measure, forMs);
  if (value === undefined) return unless(`${said}: no calls`);
  const numbers = `${said} is ${format(value)}, wanted below ${format(bound)} over ${forMs / msPerSecond} s`;
  return value < bound ? { kind: 'holds', because: numbers } : unless(numbers);
}

function boundOfBefore(ofBefore: number, measuredBefore: number | undefined): number | undefined {
  return measuredBefore === undefined ? undefined : ofBefore * measuredBefore;
}

function format(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** Two minutes of preparation at the most, then 6,000 environments a minute. */
const preparationMs = 2 * msPerMinute;
const environmentsPerMs = 6_000 / msPerMinute;

/**
 * How long the old version goes on serving after an alias with provisioned concurrency moves: until as many environments of the new one are initialised, all of them.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
 */
export function keepsServingMs({
  concurrency,
  initDurationMs,
}: {
  readonly concurrency: number;
  readonly initDurationMs: number;
}): number {
  return preparationMs + concurrency / environmentsPerMs + initDurationMs;
}
