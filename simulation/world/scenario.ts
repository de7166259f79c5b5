/**
 * A rehearsal: one event on a virtual half day, the production system on the twin behind real HTTP, and a script of what goes wrong. Times are
 * minutes from the event, so that a scenario reads like the timetable of a pre-warm.
 *
 * Checkers watch every call at the other end and every second of the run, whatever the scenario is about: an effect has its durable intent, one action is in
 * flight for each function, nothing goes above a ceiling, a limit or the call budget, and nothing is raised once the event has begun.
 */
import { calendarVersion } from '../../calendar/event.ts';
import { createVenue } from '../../calendar/venue.ts';
import { pricesUsEast1 } from '../../config/schema.ts';
import { assert } from '../../core/assert.ts';
import type { AuditEvent } from '../../core/audit.ts';
import type { FunctionSpec } from '../../core/function-spec.ts';
import type { MarketEvent } from '../../core/market-event.ts';
import type { Store } from '../../core/ports.ts';
import { createRandom } from '../../core/random.ts';
import { createBookingReader } from '../../core/booking.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerDay, msPerHour, msPerMinute, msPerSecond, parseInstant, type EpochMs } from '../../core/time.ts';
import { sliceSeries, type VolumeSeries } from '../../core/volume-series.ts';
import { documentedLead } from '../../forecaster/event-window.ts';
import type { System } from '../../service/system.ts';
import type { SystemOptions } from '../../service/system-options.ts';
import { createMemoryStore } from '../../store/memory.ts';
import type { TwinRequest, TwinResponse } from '../twin/answer.ts';
import type { InjectedFault } from '../twin/control-plane-http.ts';
import { listenToAudit, silentLog } from './audit-ear.ts';
import { composeOn } from './demo.ts';
import type { WorldPorts } from './drive.ts';
import { bookedIn, configuredIn, putByAnotherHand } from './twin-look.ts';
import { createWorld, warmUpMs, type World } from './world.ts';

export const eventAtMs: EpochMs = parseInstant('2026-03-18T12:30:00Z')!;
export const ordersKey = '123456789012/us-east-1/orders-validate:live' as FunctionKey;
export const quotesKey = '123456789012/us-east-1/quotes-stream:live' as FunctionKey;

/** One call as it came to the twin. `level`: what a Put or Delete asks for; absent in a read. */
export interface Call {
  readonly atMs: EpochMs;
  readonly minute: number;
  readonly functionKey: FunctionKey | undefined;
  readonly level: number | undefined;
  readonly isFaulted: boolean;
}

/** A call to another service than Lambda: `POST /schedules/foreshock-…`, `RegisterScalableTarget 28..60`. */
export interface OtherCall {
  readonly minute: number;
  readonly what: string;
}

export interface RehearsalOptions {
  readonly seed?: string;
  readonly mode?: FunctionSpec['mode'];
  readonly concurrencyFloor?: number;
  /** What the operator says of a function, where it is something else. */
  readonly specOf?: (spec: FunctionSpec) => FunctionSpec;
  /** The first second of the run; a quarter of an hour of traffic comes before it. */
  readonly fromMinute?: number;
  readonly requestTimeoutMs?: number;
  /** What becomes of a call to Lambda, by the minute at which it comes. */
  readonly fault?: (call: Omit<Call, 'isFaulted'>) => InjectedFault | undefined;
  /** What becomes of a call to another service. */
  readonly otherFault?: (request: TwinRequest, minute: number) => InjectedFault | undefined;
}

export interface Rehearsal {
  readonly world: World;
  readonly store: Store;
  /** What stands in the audit log, durable. */
  readonly audit: readonly AuditEvent[];
  /** Everything that came to Lambda's control plane from Foreshock. */
  readonly calls: readonly Call[];
  /** Everything that came to EventBridge Scheduler and Application Auto Scaling. */
  readonly otherCalls: readonly OtherCall[];
  /** Names of what stands booked in the twin. */
  booked(): readonly string[];
  /** The event minute that the clock shows. */
  minute(): number;
  /** @throws AssertionError naming the first thing that a checker saw. */
  runUntil(minute: number): Promise<void>;
  /** Seconds, one at a time, until `isSo`; at most until `minute`. */
  runUntilSo(isSo: () => boolean, minute: number): Promise<void>;
  /** The process ends without a word, and another one starts on what it left. */
  crash(): Promise<void>;
  /** A call by somebody else, past Foreshock: `level` 0 deletes. */
  otherHandPuts(key: FunctionKey, level: number): void;
  configured(key: FunctionKey): { readonly requested: number; readonly status: string } | undefined;
}

const limits = { concurrencyMax: 120, usdPerHourMax: 10, usdPerEventMax: 10 };
const historyDays = 14;

const specs: readonly FunctionSpec[] = [
  {
    key: ordersKey,
    memoryMb: 1_024,
    architecture: 'x86_64',
    initDurationMs: 800,
    runDurationMs: { p50: 120, p99: 500 },
    spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 },
    concurrencyFloor: 0,
    concurrencyCeiling: 80,
    mode: 'enforce',
    ownership: 'own',
  },
  {
    key: quotesKey,
    memoryMb: 512,
    architecture: 'arm64',
    initDurationMs: 300,
    runDurationMs: { p50: 15, p99: 60 },
    spillTarget: { kind: 'spilloverRatioMax', ratio: 0.001 },
    concurrencyFloor: 0,
    concurrencyCeiling: 60,
    mode: 'enforce',
    ownership: 'own',
  },
];

/** Seven requests a second, every day alike, and six times as many when the event has come; a lull just before it. */
function drawVolume(seed: string): VolumeSeries {
  const stepMs = 5 * msPerMinute;
  const fromMs = eventAtMs - historyDays * msPerDay;
  const random = createRandom(`volume ${seed}`);
  const liftsFrom = [0.7, 6, 4.5, 3.5, 3, 2.5, 2, 1.6, 1.3];
  const usual = (7 * stepMs) / msPerSecond;
  const values = Float64Array.from({ length: (historyDays * msPerDay + 3 * msPerHour) / stepMs }, (_, index) => {
    const sinceEventMs = (index * stepMs) % msPerDay;
    const lift = liftsFrom[sinceEventMs === msPerDay - stepMs ? 0 : 1 + sinceEventMs / stepMs] ?? 1;
    return random.poisson(usual * lift);
  });
  return { fromMs, stepMs, values };
}

function drillOf(day: number): MarketEvent {
  const startsAtMs = eventAtMs + day * msPerDay;
  return {
    id: `drill@${day}`,
    kind: 'drill',
    title: 'a rehearsal',
    startsAtMs,
    precision: 'minute',
    importance: 3,
    symbols: [],
    status: 'scheduled',
    source: { calendar: 'rehearsal', says: 'every day' },
  };
}

export const drillId = drillOf(0).id;

export async function rehearse(options: RehearsalOptions = {}): Promise<Rehearsal> {
  const { seed = 'rehearsal', mode = 'enforce', concurrencyFloor = 0, fromMinute = -20, specOf } = options;
  const fromMs = eventAtMs + fromMinute * msPerMinute;
  const volume = drawVolume(seed);
  const events = Array.from({ length: historyDays + 1 }, (_, day) => drillOf(day - historyDays));
  const functions = specs.map((spec) => ({ ...(specOf?.(spec) ?? spec), mode, concurrencyFloor }));
  const systemOptions = optionsOf({ functions, volume, events, fromMs, seed });

  const audit: AuditEvent[] = [];
  const kept = createMemoryStore();
  const store = listenToAudit(kept, audit);
  const calls: Call[] = [];
  const otherCalls: OtherCall[] = [];
  const configured: Rehearsal['configured'] = (key) => {
    const found = configuredIn(world.twins.with, key);
    return found && { requested: found.requested, status: found.status };
  };
  const booked = (): string[] => bookedIn(world.twins.with);
  const checks = createChecks(functions, { audit, calls, booked, standing: (key) => configured(key)?.requested ?? 0 });
  const nowMs = (): EpochMs => world.nowMs();
  let current: System;
  let ports: WorldPorts;
  const start = async (): Promise<void> => {
    current = await composeOn(ports, systemOptions, { store, log: silentLog });
  };
  const world: World = await createWorld({
    functions: functions.map((spec) => ({ twin: { ...spec, version: '1' }, volume, requestsPerUnit: 1 })),
    events: [drillOf(0)],
    fromMs,
    untilMs: eventAtMs + 3 * msPerHour,
    seed,
    ...(options.requestTimeoutMs !== undefined && { requestTimeoutMs: options.requestTimeoutMs }),
    compose: async (given) => {
      ports = given;
      await start();
      // The world keeps one system; which process that is changes with a crash.
      return new Proxy({} as System, { get: (_target, name) => Reflect.get(current, name) as unknown });
    },
    beforeAnswer(request) {
      if (!isLambdaCall(request)) {
        const what = request.amzTarget === undefined ? `${request.method} ${request.target}` : scalingCallOf(request);
        otherCalls.push({ minute: minuteOf(ports.clock.nowMs()), what });
        return options.otherFault?.(request, minuteOf(ports.clock.nowMs()));
      }
      const call = callOf(request, ports.clock.nowMs());
      const fault = options.fault?.(call);
      calls.push({ ...call, isFaulted: fault !== undefined });
      checks.call(call);
      return fault;
    },
  });

  const step = async (): Promise<void> => {
    await world.step();
    checks.second(world);
  };
  return {
    world,
    store: kept,
    audit,
    calls,
    otherCalls,
    booked,
    minute: () => minuteOf(nowMs()),
    async runUntil(minute) {
      while (minuteOf(nowMs()) < minute) await step();
    },
    async runUntilSo(isSo, minute) {
      while (!isSo() && minuteOf(nowMs()) < minute) await step();
      assert(isSo(), `it never came to that until minute ${minute}`);
    },
    crash: start,
    otherHandPuts: (key, level) => putByAnotherHand(world.twins.with, key, level),
    configured,
  };
}

function optionsOf({
  functions,
  volume,
  events,
  fromMs,
  seed,
}: {
  readonly functions: readonly FunctionSpec[];
  readonly volume: VolumeSeries;
  readonly events: readonly MarketEvent[];
  readonly fromMs: EpochMs;
  readonly seed: string;
}): SystemOptions {
  const known = sliceSeries(volume, volume.fromMs, fromMs - warmUpMs);
  const history = {
    name: 'rehearsal',
    history: { series: known, sha256: `seed ${seed}`, rowCount: known.values.length, badRowCount: 0 },
  };
  return {
    title: 'a rehearsal',
    simulated: true,
    release: 'rehearsal',
    configSha256: 'rehearsal',
    functions: functions.map((spec) => ({
      spec,
      symbols: [],
      venue: createVenue('Etc/UTC'),
      history,
      volumeFrom: spec.key,
      requestsPerUnit: 1,
    })),
    calendar: { name: 'rehearsal', events, version: calendarVersion(events), warnings: [] },
    limits,
    prices: pricesUsEast1,
    policy: { quantile: 0.95, importanceMin: 1, keepWhilePaying: false },
    lead: documentedLead,
    horizonMs: 4 * msPerHour,
    seed,
  };
}

interface Seen {
  readonly audit: readonly AuditEvent[];
  readonly calls: readonly Call[];
  readonly booked: () => readonly string[];
  /** What the twin holds: a booked raise is nobody's call. */
  readonly standing: (key: FunctionKey) => number;
}

/** What must hold in every scenario, at every call and in every second. */
function createChecks(functions: readonly FunctionSpec[], { audit, calls, booked, standing }: Seen) {
  const breaches: string[] = [];
  const levels = new Map<FunctionKey, number>();
  const openIntents = new Map<number, { readonly key: FunctionKey; readonly concurrency: number }>();
  let readUntil = 0;
  const readAudit = (): void => {
    for (const { seq, kind, causeSeq, body } of audit.slice(readUntil)) {
      // Bookings have intents of their own: several of one function may be under way.
      if (body['concurrency'] === undefined) continue;
      if (kind === 'action.intended')
        openIntents.set(seq, { key: body['key'] as FunctionKey, concurrency: body['concurrency'] as number });
      if (kind === 'action.outcome' && !openIntents.delete(causeSeq!)) breaches.push(`${seq} answers no open intent`);
    }
    readUntil = audit.length;
    const keys = [...openIntents.values()].map(({ key }) => key);
    if (new Set(keys).size < keys.length) breaches.push('two actions are in flight for one function');
  };
  const checkLevel = (key: FunctionKey, level: number, minute: number): void => {
    readAudit();
    const isIntended = [...openIntents.values()].some((intent) => intent.key === key && intent.concurrency === level);
    if (!isIntended) breaches.push(`${level} was asked for ${key} without a durable intent`);
    const hasEnd = booked().some((name) => createBookingReader([key])(name)?.purpose === 'end');
    if (level > 0 && !hasEnd) breaches.push(`${level} was asked for ${key}, and nothing is booked that ends it`);
    const before = standing(key);
    // What another hand took away may be put back.
    if (level > Math.max(before, levels.get(key) ?? 0) && minute > 0)
      breaches.push(`${key} was raised to ${level} at T${minute}`);
    levels.set(key, level);
    const { concurrencyCeiling } = functions.find((spec) => spec.key === key)!;
    if (level > concurrencyCeiling) breaches.push(`${level} is above the ceiling of ${key}`);
    const total = [...levels.values()].reduce((sum, one) => sum + one, 0);
    if (total > limits.concurrencyMax) breaches.push(`${total} over all functions`);
  };
  return {
    call({ atMs, functionKey, level, minute }: Omit<Call, 'isFaulted'>): void {
      // This call is the last of the list: the sixth from the end must be a second away.
      const sixth = calls.at(-6);
      if (sixth && atMs - sixth.atMs < msPerSecond) breaches.push(`six calls within a second at T${minute}`);
      if (functionKey !== undefined && level !== undefined) checkLevel(functionKey, level, minute);
    },
    second(world: World): void {
      readAudit();
      if (world.nowMs() % msPerMinute === 0) {
        const usd = functions.reduce((sum, { key }) => sum + world.measured(key).with.provisionedUsd, 0);
        if (usd > limits.usdPerEventMax) breaches.push(`${usd} dollars were spent`);
      }
      assert(breaches.length === 0, breaches[0] ?? '');
    },
  };
}

function minuteOf(atMs: EpochMs): number {
  return (atMs - eventAtMs) / msPerMinute;
}

function callOf({ method, target, body }: TwinRequest, atMs: EpochMs): Omit<Call, 'isFaulted'> {
  const path = decodeURIComponent(target);
  const key = specs.map((spec) => spec.key).find((one) => path.includes(nameOf(one)));
  const level =
    method === 'DELETE'
      ? 0
      : method === 'PUT'
        ? (JSON.parse(body) as { ProvisionedConcurrentExecutions: number }).ProvisionedConcurrentExecutions
        : undefined;
  return { atMs, minute: minuteOf(atMs), functionKey: key, level };
}

/** `orders-validate` of `…/orders-validate:live`. */
export function nameOf(key: FunctionKey): string {
  return /([^/:]+):[^:]+$/.exec(key)![1]!;
}

/** The others are EventBridge Scheduler, by its paths, and Application Auto Scaling, which is called at the root. */
function isLambdaCall({ target }: TwinRequest): boolean {
  return !target.startsWith('/schedules') && target !== '/';
}

function scalingCallOf({ amzTarget = '', body }: TwinRequest): string {
  const { MinCapacity: min, MaxCapacity: max } = JSON.parse(body) as { MinCapacity?: number; MaxCapacity?: number };
  const bounds = min === undefined || max === undefined ? '' : ` ${min}..${max}`;
  return `${amzTarget.replace(/^.*\./, '')}${bounds}`;
}

export function serviceAnswer(status: 429 | 500): TwinResponse {
  const code = status === 429 ? 'TooManyRequestsException' : 'ServiceException';
  return {
    status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': code },
    body: JSON.stringify({ Type: status === 429 ? 'User' : 'Service', Message: 'injected' }),
  };
}
