/** Breakers, from the file to plain values. What nobody has had to change so far is said here, with its reason, and not in the file. */
import type { BreakerEnactment, BreakerGuards, BreakerSpec } from '../core/breaker.ts';
import type { BreakerItemPlace } from '../core/remedy.ts';
import { functionKeyOf, parseFunctionKey, type FunctionKey } from '../core/series-key.ts';
import { msPerMinute, msPerSecond } from '../core/time.ts';
import type { ConfigDocument } from './schema.ts';
import type { Secret } from './secrets.ts';

type BreakersDocument = NonNullable<ConfigDocument['breakers']>;
type CircuitDocument = BreakersDocument['circuits'][number];

export interface BreakerSettings {
  readonly specs: readonly BreakerSpec[];
  readonly guards: BreakerGuards;
  readonly readTokens: readonly Secret[];
}

const patience = {
  // The trouble itself is a few seconds old when it is found; further back is what was before it.
  windowMs: 30 * msPerSecond,
  probeMs: 10 * msPerSecond,
  quietMs: msPerMinute,
  // The clients of powertools look again after 5 seconds.
  settleMs: 5 * msPerSecond,
} as const;

/**
 * At half: twenty calls, of which five are harmed by chance once in 30,000 times where one in fifty usually is. A breaker that opens for less has to tell a smaller
 * harm from none, and for that looks at more calls: at a fifth fifty of them, of which four may be harmed. Where three in ten are, that happens once in 600 times.
 */
const probeCountAtWhole = 10;
const probeHarmedOfMin = 0.4;

/** Renewed each 20 s: two renewals may be lost, and a dead service stops calls for a minute at most. */
const sharedLeaseMs = msPerMinute;

/** Its end is booked with AWS, to the minute and by a call: ten minutes are six calls an hour. */
const bookedLeaseMs = 10 * msPerMinute;

export function buildBreakers(
  { circuits, openRatioMax, panicRatioMin }: BreakersDocument,
  readTokens: readonly Secret[],
): BreakerSettings {
  return { specs: circuits.map(specOf), guards: { openRatioMax, panicRatioMin }, readTokens };
}

function specOf(circuit: CircuitDocument): BreakerSpec {
  const { name, callee, callers, requestCountMin, harmedRatioMin, holdOffMs, holdOffMsMax, probeShares } = circuit;
  const enactment = enactmentOf(circuit);
  return {
    ...{ name, callee, callers, enactment, requestCountMin, harmedRatioMin, holdOffMs, holdOffMsMax, probeShares },
    ...patience,
    probeCountMin: Math.ceil(probeCountAtWhole / harmedRatioMin),
    probeHarmedRatioMax: probeHarmedOfMin * harmedRatioMin,
    leaseMs: enactment.kind === 'shared-state' ? sharedLeaseMs : bookedLeaseMs,
  };
}

function enactmentOf({
  name,
  callee,
  sharedState,
  aliasWeight,
  reservedConcurrency,
}: CircuitDocument): BreakerEnactment {
  if (aliasWeight) return { kind: 'alias-weight', key: keyOf(callee), ...aliasWeight };
  if (reservedConcurrency) return { kind: 'reserved-concurrency', key: keyOf(callee), ...reservedConcurrency };
  const places = (sharedState?.tables ?? []).map(({ format, table, id, recoveryTimeoutMs }): BreakerItemPlace => {
    const [accountId = '', region = '', tableName = ''] = table.split('/');
    return { format, accountId, region, table: tableName, id: id ?? name, recoveryTimeoutMs };
  });
  return { kind: 'shared-state', places };
}

/** A rule lets only functions through. */
function keyOf(callee: string): FunctionKey {
  return functionKeyOf(parseFunctionKey(callee)!);
}

/** As written, but for what is secret. */
export function maskBreakers(breakers: BreakersDocument): unknown {
  return { ...breakers, readTokens: breakers.readTokens.map(() => '[secret]') };
}
