/** The plan: when it is made anew, and what it promises. */
import type { CapacityStep } from '../core/capacity.ts';
import type { AccountLimits } from '../core/ports.ts';
import type { FunctionKey } from '../core/series-key.ts';
import { msPerMinute, type EpochMs } from '../core/time.ts';
import { isPlannable } from '../forecaster/planner.ts';
import { isPromisedFor } from './engine-acting.ts';
import { note, type Scene, type Turn } from './engine-scene.ts';
import { heldByOthers } from './function-state.ts';

/** Plans stand on Lambda's billing grid. */
const replanMs = 5 * msPerMinute;

/** Of these the raise is booked in AWS too. */
const bookedAheadImportance = 3;

export function replan(scene: Scene, turn: Turn, account: AccountLimits): void {
  const { nowMs } = turn;
  const { options, health, functions, planning, timeline, queueWaitMs, plan: previous } = scene;
  scene.planDueAtMs = (Math.floor(nowMs / replanMs) + 1) * replanMs;
  const lead = health.leadOf(options.lead, nowMs);
  const held = heldByOthers(functions);
  const decided = planning.decide({ nowMs, account, previous, held, lead, queueWaitMs });
  turn.hasReplanned = true;
  for (const forecast of decided.forecasts) timeline.expect(forecast);
  scene.expectedRates.take(decided.forecasts);
  if (!previous || decided.fingerprint !== scene.planFingerprint) {
    scene.planSeq = note(turn, { kind: 'plan.decided', body: decided.record() });
    scene.planFingerprint = decided.fingerprint;
    turn.hasPlanned = true;
  }
  scene.plan = decided.plan;
  scene.stepsByFunction = Map.groupBy(decided.plan.steps, ({ key }) => key);
  promise(scene, nowMs);
}

export function stepAt({ stepsByFunction }: Scene, key: FunctionKey, atMs: EpochMs): CapacityStep | undefined {
  return stepsByFunction.get(key)?.find((step) => step.fromMs <= atMs && atMs < step.untilMs);
}

/** What the plan in force promises for each event ahead. */
export function promise(scene: Scene, nowMs: EpochMs): void {
  const { options, planning, ledger } = scene;
  const events = planning
    .eventsAround(nowMs)
    .filter((event) => event.startsAtMs > nowMs && isPlannable(event, options.policy));
  const important = events.filter(({ importance }) => importance >= bookedAheadImportance);
  scene.importantEventIds = new Set(important.map(({ id }) => id));
  for (const { spec, symbols } of options.functions) {
    const promised = new Set<string>();
    for (const event of events) {
      if (event.symbols.length > 0 && !event.symbols.some((symbol) => symbols.includes(symbol))) continue;
      const step = stepAt(scene, spec.key, event.startsAtMs);
      // Nobody waits for what people have not agreed to.
      if (step?.eventId === undefined || !isPromisedFor(scene, step, nowMs)) continue;
      ledger.expect(spec.key, event, step);
      promised.add(event.id);
    }
    ledger.keepOnly(spec.key, promised, nowMs);
  }
}
