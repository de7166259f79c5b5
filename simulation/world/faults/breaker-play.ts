/**
 * Faults before the production engine, with breakers that it may open: spans in, a standing out, and callers that make no call which is not admitted. Beside the function
 * that fails stands another one that does not; gateway, functions and callees send their spans by tokens of their own, so that there are several observers.
 */
import { calendarVersion } from '../../../calendar/event.ts';
import { createVenue } from '../../../calendar/venue.ts';
import { buildBreakers } from '../../../config/breakers.ts';
import { pricesUsEast1 } from '../../../config/schema.ts';
import type { AuditDraft } from '../../../core/audit.ts';
import type { BreakerSpec } from '../../../core/breaker.ts';
import type { FunctionSpec } from '../../../core/function-spec.ts';
import { endsOfEdge, isEdgeKey } from '../../../core/incident.ts';
import { remedyKinds, type BreakerStanding } from '../../../core/remedy.ts';
import type { FunctionKey } from '../../../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../../core/time.ts';
import type { WindowDelta } from '../../../core/window.ts';
import { documentedLead } from '../../../forecaster/event-window.ts';
import { createEngine, type Engine } from '../../../service/engine.ts';
import type { Effect, Fact } from '../../../service/facts.ts';
import type { SystemFunction, SystemOptions } from '../../../service/system-options.ts';
import type { WorldEvent } from './demand.ts';
import { createFaultFunction, gatewayKey, type FaultFunction } from './fault-function.ts';
import type { FaultScenario } from './scenarios.ts';
import { marketEvent } from './watch.ts';

/** A fault lasts so long, and so long it is looked on afterwards. */
const faultMs = 4 * msPerMinute;
const afterMs = 6 * msPerMinute;
/** Clients that wait for news hear of a standing within the second after it. */
const heardAfterMs = msPerSecond;

export interface BreakerPlay {
  /** From the incident to the tick in which the breaker's opening was intended; undefined: none opened. */
  readonly openAfterMs: number | undefined;
  /** Where the incident began when it was opened; undefined: there was none. */
  readonly origin: string | undefined;
  /** Callees of breakers that opened. */
  readonly opened: readonly string[];
  /** Of those, callees that are neither where the fault is nor next to it. */
  readonly strayed: readonly string[];
  /** States that breakers went to, in turn, `callee: state`. */
  readonly moves: readonly string[];
  readonly isClosedAtEnd: boolean;
  /** From the end of the fault to the last closing; undefined: none opened, or it is open. */
  readonly closedAfterMs: number | undefined;
  /** Why one was not opened, as it is on record, each once. */
  readonly refusals: readonly string[];
  /** Requests during the fault, those harmed, and those that would have been with all calls made. */
  readonly requestCount: number;
  readonly harmedCount: number;
  readonly harmedWithoutCount: number;
  /** Share that the fault harms where it is greatest. */
  readonly harmedRatio: number;
}

export interface BreakerPlayOptions {
  /** Share of calls that has to be harmed before all are stopped. */
  readonly harmedRatioMin: number;
}

export function playBreakers(scenario: FaultScenario, { harmedRatioMin }: BreakerPlayOptions): BreakerPlay {
  const fromMs = scenario.options.faults![0]!.fromMs;
  const untilMs = fromMs + faultMs;
  const { startsAtMs, options, kind } = scenario;
  const faults = options.faults!.map((fault) => ({ ...fault, untilMs }));
  const world = createFaultFunction({ ...options, faults, isApart: true });
  const bystander = createFaultFunction({
    ...options,
    ...{ name: 'bystander', seed: `${options.seed}/bystander`, samplingRatio: 1, exportMs: 250, isApart: true },
    ...{ requestsPerSecond: bystanderPerSecond, events: [], faults: [] },
  });
  const breakers = breakersFor([world, bystander], harmedRatioMin);
  const system = optionsOf({ worlds: [world, bystander], breakers, events: options.events, startsAtMs });
  const drive = createEngineDrive(system);
  for (let nowMs = startsAtMs + msPerSecond; nowMs < untilMs + afterMs; nowMs += msPerSecond) {
    const admits = drive.admissionAt(nowMs);
    drive.tick(nowMs, [...world.tick(nowMs, admits), ...bystander.tick(nowMs, admits)]);
  }
  return seenOf(drive.told, { world, breakers, untilMs, kind });
}

const bystanderPerSecond = 20;

interface Told extends AuditDraft {
  readonly atMs: EpochMs;
}

function seenOf(
  told: readonly Told[],
  {
    world,
    breakers,
    untilMs,
    kind,
  }: Pick<FaultScenario, 'kind'> & {
    readonly world: FaultFunction;
    readonly breakers: readonly BreakerSpec[];
    readonly untilMs: EpochMs;
  },
): BreakerPlay {
  const incident = told.find((draft) => draft.kind === 'incident.opened');
  const moved = told.filter((draft) => draft.kind === 'breaker.moved' && draft.body['from'] !== draft.body['to']);
  const opening = moved.find(({ body }) => body['to'] === 'open');
  const calleeOf = (name: unknown): string => breakers.find((spec) => spec.name === name)?.callee ?? String(name);
  const opened = [
    ...new Set(moved.filter(({ body }) => body['to'] === 'open').map(({ body }) => calleeOf(body['breaker']))),
  ];
  const near = nearOf(world, kind);
  const lastOf = new Map(moved.map(({ body, atMs }) => [body['breaker'], { to: body['to'], atMs }]));
  const isClosedAtEnd = [...lastOf.values()].every(({ to }) => to === 'closed');
  const refused = told.filter((draft) => draft.kind === 'action.refused');
  const { harmedRatio } = world.harm();
  return {
    openAfterMs: incident && opening && opening.atMs - incident.atMs,
    origin: incident && String(incident.body['function']),
    opened,
    strayed: opened.filter((callee) => !near.has(callee)),
    moves: moved.map(
      ({ body, atMs }) =>
        `${Math.round((atMs - untilMs) / msPerSecond)} ${calleeOf(body['breaker'])} ${String(body['to'])}`,
    ),
    isClosedAtEnd,
    closedAfterMs: isClosedAtEnd && moved.length > 0 ? moved.at(-1)!.atMs - untilMs : undefined,
    refusals: [...new Set(refused.map(({ body }) => `${calleeOf(body['breaker'])} ${String(body['because'])}`))],
    ...world.met(),
    harmedRatio,
  };
}

/** Where the fault is, and who calls or is called from there at once. */
function nearOf({ key, calleeEdges }: FaultFunction, kind: FaultScenario['kind']): ReadonlySet<string> {
  const callees = calleeEdges.map((edge) => endsOfEdge(edge).callee);
  return new Set(kind.startsWith('partial') ? [callees[0]!, key] : [key, gatewayKey, ...callees]);
}

/** One before each callee there is, by the defaults of a configuration. */
function breakersFor(worlds: readonly FaultFunction[], harmedRatioMin: number): readonly BreakerSpec[] {
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

interface Fleet {
  readonly worlds: readonly FaultFunction[];
  readonly breakers: readonly BreakerSpec[];
  readonly events: readonly WorldEvent[];
  readonly startsAtMs: EpochMs;
}

function optionsOf({ worlds, breakers, events, startsAtMs }: Fleet): SystemOptions {
  const calendar = events.filter(({ isForetold }) => isForetold).map(marketEvent);
  const enforced = Object.fromEntries(remedyKinds.map((kind) => [kind, 'enforce' as const]));
  return {
    ...{ title: 'faults', simulated: true, release: 'faults', configSha256: 'faults', seed: 'faults' },
    functions: worlds.map(({ key }) => functionOf(key, startsAtMs)),
    calendar: { name: 'world', events: calendar, version: calendarVersion(calendar), warnings: [] },
    limits: { concurrencyMax: 200, usdPerHourMax: 10, usdPerEventMax: 10 },
    prices: pricesUsEast1,
    policy: { quantile: 0.95, importanceMin: 1, keepWhilePaying: false },
    lead: documentedLead,
    horizonMs: 4 * msPerHour,
    remedies: {
      breakers,
      guards: { openRatioMax: 0.5, panicRatioMin: 0.5 },
      limits: { actionsPerHourMax: 12, usdPerHourMax: 10, fleetShareMax: 0.5, cooldownMs: 10 * msPerMinute },
      brake: { withoutEffectMax: 3 },
      modes: Object.fromEntries(worlds.map(({ key }) => [key, enforced])),
      playbooks: [],
      neverBreak: [],
    },
  };
}

const stepMs = 5 * msPerMinute;

function functionOf(key: FunctionKey, startsAtMs: EpochMs): SystemFunction {
  const values = new Float64Array(msPerDay / stepMs).fill(1_000);
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

/** The engine by the second, with a world on paper that takes what it asks in the second after. */
function createEngineDrive(options: SystemOptions) {
  const engine: Engine = createEngine(options);
  /** As they are known to callers, and those that they are about to hear of. */
  const heard = new Map<string, BreakerStanding>();
  let news: readonly { readonly standing: BreakerStanding; readonly fromMs: EpochMs }[] = [];
  const told: Told[] = [];
  let answers: readonly Fact[] = [];
  let nextSeq = 0;
  const nameOf = new Map(options.remedies!.breakers.map(({ name, callee }) => [callee, name]));
  return {
    told,
    engine,
    /** Share of calls to a callee that are made in the second before `nowMs`. */
    admissionAt(nowMs: EpochMs): (callee: string) => number {
      const secondAtMs = nowMs - msPerSecond;
      for (const { standing, fromMs } of news) if (fromMs <= secondAtMs) heard.set(standing.name, standing);
      news = news.filter(({ fromMs }) => fromMs > secondAtMs);
      return (callee) => {
        const standing = heard.get(nameOf.get(callee) ?? '');
        return standing && secondAtMs < standing.untilMs ? standing.admitRatio : 1;
      };
    },
    tick(nowMs: EpochMs, deltas: readonly WindowDelta[], facts: readonly Fact[] = []): readonly Effect[] {
      const spans: Fact[] = deltas.length > 0 ? [{ kind: 'deltas', deltas, sha256: '' }] : [];
      const result = engine.tick(nowMs, [...answers, ...facts, ...spans], nextSeq);
      nextSeq += result.drafts.length;
      told.push(...result.drafts);
      answers = result.effects.flatMap((effect) => answerOf(effect, nowMs));
      return result.effects;
    },
  };

  function answerOf(effect: Effect, nowMs: EpochMs): Fact[] {
    if (effect.kind !== 'remedy') return [];
    const { jobId, intentSeq, call } = effect;
    if (call.kind === 'apply' && call.remedy.kind === 'move-breaker')
      news = [...news, { standing: call.remedy.standing, fromMs: nowMs + heardAfterMs }];
    const answer = { kind: 'outcome', outcome: { kind: 'accepted', atMs: nowMs } } as const;
    return [{ kind: 'remedied', jobId, answer, ...(intentSeq !== undefined && { intentSeq }) }];
  }
}
