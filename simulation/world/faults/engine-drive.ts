/** The production engine by the second, with all that it may do allowed, before worlds whose callers heed its breakers: what plays of faults and of forgeries stand on. */
import { calendarVersion } from '../../../calendar/event.ts';
import { createVenue } from '../../../calendar/venue.ts';
import { buildBreakers } from '../../../config/breakers.ts';
import { pricesUsEast1 } from '../../../config/schema.ts';
import type { AuditDraft } from '../../../core/audit.ts';
import type { BreakerSpec } from '../../../core/breaker.ts';
import type { FunctionSpec } from '../../../core/function-spec.ts';
import { endsOfEdge, isEdgeKey } from '../../../core/incident.ts';
import type { Playbook } from '../../../core/playbook.ts';
import { remedyKinds, type BreakerStanding } from '../../../core/remedy.ts';
import type { FunctionKey } from '../../../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../../core/time.ts';
import type { WindowDelta } from '../../../core/window.ts';
import { documentedLead } from '../../../forecaster/event-window.ts';
import { createEngine } from '../../../service/engine.ts';
import type { Effect, Fact } from '../../../service/facts.ts';
import { createPaperLambda } from '../../../service/sample.ts';
import type { SystemFunction, SystemOptions } from '../../../service/system-options.ts';
import type { WorldEvent } from './demand.ts';
import { gatewayKey, worldSenders, type Admission, type FaultFunction } from './fault-function.ts';
import { marketEvent } from './watch.ts';

/** By which all send where a gateway of collectors stands before us. */
export const sharedSender = 'otel-gateway';

/** Clients that wait for news hear of a standing within the second after it. */
const heardAfterMs = msPerSecond;

/** One before each callee there is, by the defaults of a configuration. */
export function breakersBefore(worlds: readonly FaultFunction[], harmedRatioMin: number): readonly BreakerSpec[] {
  const edges = worlds.flatMap(({ callerEdge, calleeEdges }) => [callerEdge, ...calleeEdges].filter(isEdgeKey));
  const callees = [gatewayKey, ...edges.map((edge) => endsOfEdge(edge).callee)];
  const circuits = callees.map((callee, index) => ({
    ...{
      name: `b${String(index)}`,
      callee,
      callers: [],
      sharedState: { tables: [] },
      requestCountMin: 10,
      harmedRatioMin,
    },
    ...{ holdOffMs: 30 * msPerSecond, holdOffMsMax: 2 * msPerMinute, probeShares: [0.05, 0.2, 0.5] },
  }));
  const document = { circuits, readTokens: [], openRatioMax: 0.5, panicRatioMin: 0.5 };
  return buildBreakers(document, []).specs;
}

export interface WatchedFleet {
  readonly worlds: readonly FaultFunction[];
  readonly breakers: readonly BreakerSpec[];
  readonly events: readonly WorldEvent[];
  readonly startsAtMs: EpochMs;
  /** What each was asked for on the day before. */
  readonly requestsPerSecond?: number;
  readonly playbooks?: readonly Playbook[];
}

export function fleetOptions({
  worlds,
  breakers,
  events,
  startsAtMs,
  requestsPerSecond = 0,
  playbooks = [],
}: WatchedFleet): SystemOptions {
  const calendar = events.filter(({ isForetold }) => isForetold).map(marketEvent);
  const enforced = Object.fromEntries(remedyKinds.map((kind) => [kind, 'enforce' as const]));
  return {
    ...{ title: 'faults', simulated: true, release: 'faults', configSha256: 'faults', seed: 'faults' },
    functions: worlds.map(({ key }) => functionOf(key, startsAtMs, requestsPerSecond)),
    calendar: { name: 'world', events: calendar, version: calendarVersion(calendar), warnings: [] },
    limits: { concurrencyMax: 200, usdPerHourMax: 10, usdPerEventMax: 10 },
    prices: pricesUsEast1,
    policy: { quantile: 0.95, importanceMin: 1, keepWhilePaying: false },
    lead: documentedLead,
    horizonMs: 4 * msPerHour,
    watch: { demandSenders: [worldSenders.functions, sharedSender] },
    remedies: {
      breakers,
      guards: { openRatioMax: 0.5, panicRatioMin: 0.5 },
      limits: { actionsPerHourMax: 12, usdPerHourMax: 10, fleetShareMax: 0.5, cooldownMs: 10 * msPerMinute },
      brake: { withoutEffectMax: 3 },
      modes: Object.fromEntries(worlds.map(({ key }) => [key, enforced])),
      playbooks,
      neverBreak: [],
      approvals: {},
      approvalMs: msPerHour,
    },
  };
}

/** As AWS counts. */
export const stepMs = msPerMinute;

function functionOf(key: FunctionKey, startsAtMs: EpochMs, requestsPerSecond: number): SystemFunction {
  const values = new Float64Array(msPerDay / stepMs).fill((requestsPerSecond * stepMs) / msPerSecond);
  const spec: FunctionSpec = {
    ...{ key, memoryMb: 1_024, architecture: 'x86_64', initDurationMs: 800, runDurationMs: { p50: 120, p99: 500 } },
    ...{ spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 }, concurrencyFloor: 0, concurrencyCeiling: 80 },
    ...{ mode: 'enforce', ownership: 'own' },
  };
  return {
    spec,
    symbols: [],
    venue: createVenue('Etc/UTC'),
    history: {
      name: 'world',
      history: {
        series: { fromMs: startsAtMs - msPerDay, stepMs, values },
        ...{ sha256: 'world', rowCount: values.length, badRowCount: 0 },
      },
    },
    volumeFrom: key,
    requestsPerUnit: 1,
  };
}

export interface EngineDrive {
  /** All that was written down, in turn: the number of each is its place. */
  readonly told: readonly Told[];
  readonly effects: readonly Effect[];
  /** Share of calls to a callee that are made in the second before `nowMs`. */
  admissionAt(nowMs: EpochMs): Admission;
  tick(nowMs: EpochMs, deltas: readonly WindowDelta[], facts?: readonly Fact[]): void;
}

export type Told = AuditDraft;

/** The world takes all that it is asked for, in the second after. */
export function createEngineDrive(options: SystemOptions): EngineDrive {
  const engine = createEngine(options);
  const lambda = createPaperLambda();
  const told: Told[] = [];
  const effects: Effect[] = [];
  /** As they are known to callers, and those that they are about to hear of. */
  const heard = new Map<string, BreakerStanding>();
  let news: readonly { readonly standing: BreakerStanding; readonly fromMs: EpochMs }[] = [];
  let answers: readonly Fact[] = [];
  const nameOf = new Map(options.remedies!.breakers.map(({ name, callee }) => [callee, name]));
  return {
    told,
    effects,
    admissionAt(nowMs) {
      const secondAtMs = nowMs - msPerSecond;
      for (const { standing, fromMs } of news) if (fromMs <= secondAtMs) heard.set(standing.name, standing);
      news = news.filter(({ fromMs }) => fromMs > secondAtMs);
      return (callee) => {
        const standing = heard.get(nameOf.get(callee) ?? '');
        return standing && secondAtMs < standing.untilMs ? standing.admitRatio : 1;
      };
    },
    tick(nowMs, deltas, facts = []) {
      const spans: Fact[] = deltas.length > 0 ? [{ kind: 'deltas', deltas, sha256: '' }] : [];
      const result = engine.tick(nowMs, [...answers, ...facts, ...spans], told.length);
      told.push(...result.drafts);
      effects.push(...result.effects);
      answers = result.effects.map((effect) => lambda.answer(effect, nowMs));
      for (const effect of result.effects)
        if (effect.kind === 'remedy' && effect.call.kind === 'apply' && effect.call.remedy.kind === 'move-breaker')
          news = [...news, { standing: effect.call.remedy.standing, fromMs: nowMs + heardAfterMs }];
    },
  };
}

/** A field of a record, where it is a text. */
export function textOf({ body }: Told, field: string): string {
  const value = body[field];
  return typeof value === 'string' ? value : '';
}
