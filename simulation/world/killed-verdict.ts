/** What must hold of a day on which the service was killed: read from its store, and from the twin, which knows what really happened. */
import type { AuditEvent } from '../../core/audit.ts';
import { bookingNameOf } from '../../core/booking.ts';
import type { Store } from '../../core/ports.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { formatInstant, msPerHour, msPerMinute, type EpochMs } from '../../core/time.ts';
import { loadState } from '../../service/saved-state.ts';
import { verifyAudit } from '../../store/audit-verify.ts';
import { openEmbeddedStore } from '../../store/embedded.ts';
import { verifyTicks } from '../../store/tick-log.ts';
import type { KilledDay, KilledRun, Standing } from './killed.ts';
import type { Durable } from './lone-messages.ts';

/** Where in its work the process died, as what it left shows. */
export type DeathPlace = 'at rest' | 'in an append' | 'between intent and effect' | 'between effect and outcome';

export interface KilledVerdict {
  readonly died: DeathPlace;
  /** A sentence for each. */
  readonly lost: readonly string[];
  readonly repeated: readonly string[];
  readonly orphans: readonly string[];
  readonly outlived: readonly string[];
  readonly missed: readonly string[];
  /** Events of importance 3, by function, that were to be met by a service that was dead. */
  readonly raisesDueCount: number;
  /** How long capacity stood at most after the end that was in force for it, while nobody was there. */
  readonly overstayMsMax: number;
  readonly killedAtMs: EpochMs;
}

/** What a booked end may take: a minute of grace, and the minute of EventBridge Scheduler. */
const overstayMs = 2 * msPerMinute;
/** A long stretch is booked to end one to two hours ahead, over and over. */
const bookedEndMsMax = 2 * msPerHour;
/** A plan that old has been acted on: a tick, a listing, the calls in their turn. */
const settledMs = msPerMinute;
const bookedAheadMs = 12 * msPerHour;
/** A booked raise is left as it is while the plan moves by less. */
const sameRatio = 1.1;

interface Step {
  readonly key: FunctionKey;
  readonly fromMs: EpochMs;
  readonly untilMs: EpochMs;
  readonly concurrency: number;
  readonly eventId?: string;
}

interface Plan {
  readonly atMs: EpochMs;
  readonly steps: readonly Step[];
}

export async function judgeKilledDay(options: KilledDay, run: KilledRun): Promise<KilledVerdict> {
  const store = await openEmbeddedStore(options.storeFile, { readOnly: true });
  try {
    const audit: AuditEvent[] = [];
    for await (const { bytes } of store.read(0, 'audit'))
      audit.push(JSON.parse(new TextDecoder().decode(bytes)) as AuditEvent);
    const isAlone = options.restartAfterMs === undefined;
    const before = audit.filter(({ seq }) => seq <= lastSeqBefore(audit));
    const plans = plansOf(before);
    const overstays = isAlone ? overstaysOf(run, plans) : [];
    const raises = isAlone ? raisesDue(run, plans) : [];
    return {
      died: placeOfDeath(before, run),
      lost: await lostOf(store, audit, run),
      repeated: run.effects.repeated,
      orphans: [...run.effects.endless, ...(isAlone ? [] : await orphansOf(store, audit, run)), ...leftOf(run)],
      outlived: overstays.filter(({ byMs }) => byMs > overstayMs).map(({ what }) => what),
      missed: [...missedOf(run, raises), ...unfiredOf(run)],
      raisesDueCount: raises.length,
      overstayMsMax: Math.max(0, ...overstays.map(({ byMs }) => byMs)),
      killedAtMs: run.killedAtMs,
    };
  } finally {
    await store.close();
  }
}

/** Of the first life: a second one says that it has started. */
function lastSeqBefore(audit: readonly AuditEvent[]): number {
  const starts = audit.filter(({ kind }) => kind === 'service.started');
  return (starts[1]?.seq ?? Infinity) - 1;
}

function plansOf(audit: readonly AuditEvent[]): Plan[] {
  return audit
    .filter(({ kind }) => kind === 'plan.decided')
    .map(({ atMs, body }) => {
      const steps = body['steps'] as unknown as readonly (Omit<Step, 'key'> & { readonly function: FunctionKey })[];
      return { atMs, steps: steps.map(({ function: key, ...step }) => ({ key, ...step })) };
    });
}

function placeOfDeath(audit: readonly AuditEvent[], { wasAppending, effects }: KilledRun): DeathPlace {
  const answered = new Set(audit.flatMap(({ kind, causeSeq }) => (kind === 'action.outcome' ? [causeSeq] : [])));
  const open = audit.filter(({ seq, kind }) => kind === 'action.intended' && !answered.has(seq));
  if (open.length === 0) return wasAppending ? 'in an append' : 'at rest';
  const isCarriedOut = ({ atMs, body }: AuditEvent): boolean => {
    const { booking, concurrency } = body as { booking?: string; concurrency?: number };
    const what = booking ?? String(concurrency);
    return effects.changes.some(
      (change) => change.what === what && change.atMs >= atMs && change.atMs <= atMs + msPerMinute,
    );
  };
  return open.some(isCarriedOut) ? 'between effect and outcome' : 'between intent and effect';
}

async function lostOf(store: Store, audit: readonly AuditEvent[], run: KilledRun): Promise<string[]> {
  const { durableAtKill, durableAtEnd } = run;
  const isThere = ({ seq, hash }: Durable): boolean => audit[seq]?.hash === hash;
  const missing = [durableAtKill, durableAtEnd].filter((durable) => durable !== undefined && !isThere(durable));
  const chain = await verifyAudit(store);
  const ticks = await verifyTicks(store);
  return [
    ...missing.map((durable) => `audit event ${durable!.seq} was said to be durable and is not there`),
    ...(chain.verified ? [] : [`the audit chain is broken: ${chain.firstFault?.message ?? ''}`]),
    ...(ticks.verified ? [] : ['the tick chain is broken']),
  ];
}

/** What a restarted service has left that nobody would ever hear of or end. */
async function orphansOf(store: Store, audit: readonly AuditEvent[], { bookedAtStop }: KilledRun): Promise<string[]> {
  const answered = new Set(audit.flatMap(({ kind, causeSeq }) => (kind === 'action.outcome' ? [causeSeq] : [])));
  const open = audit.filter(({ seq, kind }) => kind === 'action.intended' && !answered.has(seq));
  const { engine } = await loadState(store);
  const known = new Set(Object.values(engine.bookings ?? {}).flatMap((bookings) => Object.keys(bookings)));
  return [
    ...open.map(({ seq }) => `intent ${seq} never had an outcome`),
    ...bookedAtStop
      .filter((name) => !known.has(name))
      .map((name) => `${name} is booked, and the service does not know`),
  ];
}

/** Everything that was booked has come by the end of the run. */
function leftOf({ cast, standings, effects, bookedAtEnd }: KilledRun): string[] {
  const left = cast.functions.flatMap(({ twin: { key } }) => {
    const requested = standings.findLast((one) => one.key === key)?.requested ?? 0;
    const baseline = effects.baselineOf(key);
    return requested === baseline ? [] : [`${key} is left at ${requested}, and stood at ${baseline}`];
  });
  return [...left, ...bookedAtEnd.map((name) => `${name} is left booked`)];
}

interface Overstay {
  readonly byMs: number;
  readonly what: string;
}

/** For each level that stood above its baseline without us: how long after its end it still did. */
function overstaysOf({ killedAtMs, standings, effects, bookedAtKill }: KilledRun, plans: readonly Plan[]): Overstay[] {
  const latest = plans.at(-1);
  // Just after a plan what is booked may still be that of the one before.
  const inForce = plans.slice(latest && latest.atMs > killedAtMs - settledMs ? -2 : -1);
  return standings.flatMap((one, index): Overstay[] => {
    const { key, atMs, requested } = one;
    const baseline = effects.baselineOf(key);
    if (requested <= baseline) return [];
    const untilMs = standings.slice(index + 1).find((next) => isAnotherLevel(next, one))?.atMs ?? Infinity;
    const ends = bookedAtKill.filter((booking) => booking.key === key && booking.purpose === 'end');
    const endMs = Math.min(
      Math.max(atMs, ...ends.map((booking) => booking.atMs)),
      Math.max(atMs, ...inForce.map(({ steps }) => endOf(steps, { key, atMs, baseline }))),
    );
    const what = `${key} stood at ${requested} until ${Number.isFinite(untilMs) ? formatInstant(untilMs) : 'the end of the run'}; its end was ${formatInstant(endMs)}`;
    return [{ byMs: untilMs - endMs, what }];
  });
}

function isAnotherLevel(next: Standing, one: Standing): boolean {
  return next.key === one.key && next.requested !== one.requested;
}

/** The end of the stretch of steps without a gap that is in force, or of the last before it; and never further ahead than ends are booked. */
function endOf(
  steps: readonly Step[],
  { key, atMs, baseline }: { readonly key: FunctionKey; readonly atMs: EpochMs; readonly baseline: number },
): EpochMs {
  const own = steps.filter((step) => step.key === key && step.concurrency > baseline);
  let stretch = { fromMs: -Infinity, untilMs: -Infinity };
  for (const { fromMs, untilMs } of own) {
    if (fromMs === stretch.untilMs) stretch = { ...stretch, untilMs };
    else if (fromMs <= atMs) stretch = { fromMs, untilMs };
  }
  return Math.min(stretch.untilMs, Math.max(atMs, stretch.fromMs) + bookedEndMsMax);
}

interface Raise {
  readonly key: FunctionKey;
  readonly eventAtMs: EpochMs;
  readonly concurrency: number;
}

/** What the plan had promised for the important events of the next twelve hours, by when it had been acted on. */
function raisesDue({ cast, killedAtMs, effects }: KilledRun, plans: readonly Plan[]): Raise[] {
  const settled = plans.findLast(({ atMs }) => atMs <= killedAtMs - settledMs);
  const latest = plans.at(-1);
  if (!settled || !latest) return [];
  const levelIn = ({ steps }: Plan, key: FunctionKey, eventId: string): number =>
    steps.find((step) => step.key === key && step.eventId === eventId)?.concurrency ?? 0;
  return cast.events
    .filter(({ importance, startsAtMs }) => importance >= 3 && startsAtMs > killedAtMs)
    .flatMap(({ id, startsAtMs }) =>
      settled.steps.flatMap((step): Raise[] => {
        const { key, fromMs, eventId } = step;
        const isFirst = settled.steps.find((one) => one.key === key && one.eventId === id) === step;
        if (eventId !== id || !isFirst || fromMs > killedAtMs - settledMs + bookedAheadMs) return [];
        const concurrency = Math.min(step.concurrency, levelIn(latest, key, id));
        return concurrency > effects.baselineOf(key) ? [{ key, eventAtMs: startsAtMs, concurrency }] : [];
      }),
    );
}

function missedOf({ standings }: KilledRun, raises: readonly Raise[]): string[] {
  return raises.flatMap(({ key, eventAtMs, concurrency }) => {
    const then = standings.findLast((one) => one.key === key && one.atMs <= eventAtMs);
    if (then?.status === 'READY' && then.requested * sameRatio >= concurrency) return [];
    const found = then ? `${then.requested} ${then.status ?? 'not configured'}` : 'nothing';
    return [`${key} was to be at ${concurrency} by ${formatInstant(eventAtMs)}, and was at ${found}`];
  });
}

/** Of what stood booked at the kill nothing was left out, where nobody was there to take it back. */
function unfiredOf({ bookedAtKill, killedAtMs, twin, bookedAtStop }: KilledRun): string[] {
  if (bookedAtStop.length > 0) return [];
  const fired = new Set(twin.firedSchedules().flatMap(({ name, status }) => (status < 300 ? [name] : [])));
  return bookedAtKill
    .filter(({ atMs, purpose }) => purpose === 'raise' && atMs > killedAtMs)
    .map(bookingNameOf)
    .filter((name) => !fired.has(name))
    .map((name) => `${name} did not happen`);
}

export function faultsOf({ lost, repeated, orphans, outlived, missed }: KilledVerdict): readonly string[] {
  const say = (what: string, all: readonly string[]): string[] => all.map((text) => `${what}: ${text}`);
  return [
    ...say('lost', lost),
    ...say('repeated', repeated),
    ...say('orphan', orphans),
    ...say('outlived', outlived),
    ...say('missed', missed),
  ];
}
