/**
 * One day of the demo on which the service is killed: a real process, a real SIGKILL, in virtual time. The world lives in this process and goes on
 * without it; with a restart, another process takes over the same store.
 *
 * Demand is told and not served: what becomes of capacity does not depend on it, and a day costs seconds.
 */
import { createBookingReader, type Booking } from '../../core/booking.ts';
import type { FunctionKey } from '../../core/series-key.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { createVirtualClock, type VirtualClock } from '../../core/virtual-clock.ts';
import { listenTwin, type InjectedFault, type TwinServer } from '../twin/control-plane-http.ts';
import { createTwin, type Twin } from '../twin/twin.ts';
import { castDemo, type DemoCast } from './demo.ts';
import { createEffectLog, type EffectLog } from './effect-log.ts';
import type { Durable, LoneStart, VolumeTold } from './lone-messages.ts';
import { startLoneSystem, type LoneMoment, type LoneSystem } from './lone-system.ts';
import type { SimulatedDay } from './market.ts';
import { bookedIn, configuredIn, putByAnotherHand, type Configured } from './twin-look.ts';
import { warmUpMs } from './world.ts';

/**
 * Where in its work the process dies: at the first such moment from the instant on.
 *
 * - `second`: `delayMs` of real time after a second has begun. `append`: that long after an intent or an outcome began to be written.
 * - `durable`: an intent or an outcome is on the disk, and nothing has followed from it.
 * - `asked`: a call that changes something has come, and is not carried out. `done`: it is carried out, and its answer never comes.
 */
export type DeathMoment =
  { readonly kind: 'second' | 'append'; readonly delayMs: number } | { readonly kind: 'durable' | 'asked' | 'done' };

export interface KilledDay {
  readonly day: SimulatedDay;
  readonly seed: string;
  /** An earlier start than the demo's own. */
  readonly fromMs?: EpochMs | undefined;
  /** An earlier end: what has been restarted is stopped then. */
  readonly untilMs?: EpochMs | undefined;
  readonly killAtMs: EpochMs;
  readonly moment: DeathMoment;
  /** Absent: never. */
  readonly restartAfterMs?: number | undefined;
  /** What has been restarted dies once more, at the first such moment, and is restarted at once. */
  readonly secondMoment?: DeathMoment | undefined;
  /** What somebody else had put on the first function before. */
  readonly baselineConcurrency: number;
  /** A file that is not there yet. */
  readonly storeFile: string;
}

/** From an instant on, until the next of the same function. */
export interface Standing {
  readonly key: FunctionKey;
  readonly atMs: EpochMs;
  readonly requested: number;
  readonly status: string | undefined;
}

export interface KilledRun {
  readonly cast: DemoCast;
  readonly killedAtMs: EpochMs;
  readonly endedAtMs: EpochMs;
  /** What the process had said to be durable when it died. */
  readonly durableAtKill: Durable | undefined;
  /** And at the end of a day that had a restart. */
  readonly durableAtEnd: Durable | undefined;
  /** Within an append: begun, and not said to be durable. */
  readonly wasAppending: boolean;
  /** What stood booked in the twin at the kill, when a restarted service stopped, and at the end. */
  readonly bookedAtKill: readonly Booking[];
  readonly bookedAtStop: readonly string[];
  readonly bookedAtEnd: readonly string[];
  /** From the kill on, and every change since. */
  readonly standings: readonly Standing[];
  readonly effects: EffectLog;
  readonly twin: Twin;
}

/** The twin's day goes on after the demo's until everything that is booked has come. */
const aloneMsMax = 48 * 60 * msPerMinute;

interface Scene {
  readonly options: KilledDay;
  readonly cast: DemoCast;
  readonly clock: VirtualClock;
  readonly twin: Twin;
  readonly server: TwinServer;
  readonly effects: EffectLog;
  readonly standings: Standing[];
  /** What may kill: asked with each change that comes to the twin. */
  readonly hooks: {
    asked: () => boolean;
    done: () => boolean;
    said: (moment: LoneMoment, isOfAction: boolean) => void;
  };
}

export async function playKilledDay(options: KilledDay): Promise<KilledRun> {
  const { seed, killAtMs, moment, restartAfterMs, secondMoment } = options;
  const whole = await castOf(options);
  const cast: DemoCast = { ...whole, untilMs: options.untilMs ?? whole.untilMs };
  const clock = createVirtualClock(cast.fromMs - warmUpMs);
  const twin = createTwin({ functions: cast.functions.map((one) => one.twin), seed, clock });
  if (options.baselineConcurrency > 0) putByAnotherHand(twin, cast.functions[0]!.twin.key, options.baselineConcurrency);
  const effects = createEffectLog({ twin, clock, keys: cast.functions.map((one) => one.twin.key) });
  const hooks: Scene['hooks'] = { asked: () => false, done: () => false, said: () => undefined };
  const hang: InjectedFault = { kind: 'hang' };
  const server = await listenTwin({
    host: '127.0.0.1',
    port: 0,
    beforeAnswer: (request) => (effects.isChange(request) && hooks.asked() ? hang : undefined),
    handle: (request) => {
      const response = effects.handle(request);
      return effects.isChange(request) && hooks.done() ? { ...response, fate: 'hang' } : response;
    },
  });
  const scene: Scene = { options, cast, clock, twin, server, effects, standings: [], hooks };
  try {
    const first = await startOn(scene);
    await playUntil(scene, first, Math.floor(killAtMs / msPerSecond) * msPerSecond - msPerSecond);
    const wasAppending = await killAt(scene, first, moment);
    // It may have come to the tick at the end of the second.
    passAlone(scene, nextSecond(clock));
    const killedAtMs = clock.nowMs();
    const durableAtKill = first.durable();
    const bookedAtKill = readBookings(scene);
    let durableAtEnd = durableAtKill;
    let bookedAtStop: readonly string[] = [];
    if (restartAfterMs !== undefined) {
      passAlone(scene, clock.nowMs() + restartAfterMs);
      if (secondMoment) {
        await killAt(scene, await startOn(scene), secondMoment);
        passAlone(scene, nextSecond(clock));
      }
      const last = await startOn(scene);
      await playUntil(scene, last, cast.untilMs);
      await last.stop('the day is over');
      durableAtEnd = last.durable();
      bookedAtStop = bookedIn(twin);
    }
    passAlone(scene, clock.nowMs() + aloneMsMax);
    const bookedAtEnd = bookedIn(twin);
    return {
      ...{ cast, killedAtMs, endedAtMs: clock.nowMs(), durableAtKill, durableAtEnd, wasAppending },
      ...{ bookedAtKill, bookedAtStop, bookedAtEnd, standings: scene.standings, effects, twin },
    };
  } finally {
    await server.close();
  }
}

const casts = new Map<string, Promise<DemoCast>>();

/** Drawing a market takes a second, and it is the same for every run of its seed. */
function castOf({ day, seed, fromMs }: KilledDay): Promise<DemoCast> {
  const name = JSON.stringify([day, seed, fromMs]);
  const source = { kind: 'simulated', day, ...(fromMs !== undefined && { fromMs }) } as const;
  const cast = casts.get(name) ?? castDemo({ source, seed, signal: new AbortController().signal });
  casts.set(name, cast);
  return cast;
}

function startOn({ options, clock, twin, server, hooks }: Scene): Promise<LoneSystem> {
  const { day, seed, fromMs, storeFile } = options;
  const start: LoneStart = { day, seed, fromMs, nowMs: clock.nowMs(), storeFile, endpointUrl: server.url };
  return startLoneSystem(start, {
    reached(atMs) {
      clock.advanceTo(Math.max(atMs, clock.nowMs()));
      twin.advance();
    },
    said: (moment, isOfAction) => hooks.said(moment, isOfAction),
  });
}

/** Minute by minute: the demand of each is told when it is over. */
async function playUntil({ cast, clock, twin, effects }: Scene, system: LoneSystem, untilMs: EpochMs): Promise<void> {
  while (clock.nowMs() < untilMs && !system.isKilled()) {
    const nowMs = clock.nowMs();
    const nextMs = Math.min(untilMs, (Math.floor(nowMs / msPerMinute) + 1) * msPerMinute);
    const isAlive = await system.play(nextMs, volumesOf(cast, nextMs - msPerMinute));
    if (!isAlive || system.isKilled()) return;
    clock.advanceTo(nextMs);
    twin.advance();
    effects.checkEnds();
  }
}

function volumesOf({ functions }: DemoCast, bucketAtMs: EpochMs): VolumeTold[] {
  return functions.map(({ twin: { key }, volume, requestsPerUnit }) => {
    const value = volume.values[(bucketAtMs - volume.fromMs) / volume.stepMs] ?? 0;
    return { key, bucketAtMs, requestCount: Math.round(value * requestsPerUnit) };
  });
}

/** Plays on until the moment has come, kills, and waits until nothing of the process is left. Answers whether it died in an append. */
async function killAt(scene: Scene, system: LoneSystem, moment: DeathMoment): Promise<boolean> {
  const { cast, hooks, server } = scene;
  let isAppending = false;
  let isArmed = true;
  const killAfter = (delayMs: number): void => {
    isArmed = false;
    void spinFor(delayMs).then(() => system.kill());
  };
  const killNow = (): true => {
    isArmed = false;
    system.kill();
    return true;
  };
  hooks.said = (said, isOfAction) => {
    if (said === 'appending' || said === 'appended') isAppending = said === 'appending';
    if (!isArmed) return;
    if (moment.kind === 'second' && said === 'second') killAfter(moment.delayMs);
    if (moment.kind === 'append' && said === 'appending' && isOfAction) killAfter(moment.delayMs);
    if (moment.kind === 'durable' && said === 'appended' && isOfAction) killNow();
  };
  hooks.asked = () => isArmed && moment.kind === 'asked' && killNow();
  hooks.done = () => isArmed && moment.kind === 'done' && killNow();
  await playUntil(scene, system, cast.untilMs);
  // A day that has no such moment left ends with the kill.
  if (!system.isKilled()) system.kill();
  await system.ended;
  await server.unconnected();
  Object.assign(hooks, { asked: () => false, done: () => false, said: () => undefined });
  return isAppending;
}

/** The process goes on meanwhile, and what it asks is answered. */
async function spinFor(delayMs: number): Promise<void> {
  const untilMs = performance.now() + delayMs;
  while (performance.now() < untilMs) await new Promise<void>((resolve) => void setImmediate(resolve));
}

function nextSecond(clock: VirtualClock): EpochMs {
  return (Math.floor(clock.nowMs() / msPerSecond) + 1) * msPerSecond;
}

/** Nobody is there: from one change of the twin to the next. */
function passAlone(scene: Scene, untilMs: EpochMs): void {
  const { clock, twin } = scene;
  for (let next = twin.nextChangeMs(); next !== undefined && next <= untilMs; next = twin.nextChangeMs()) {
    clock.advanceTo(Math.max(next, clock.nowMs()));
    twin.advance();
    look(scene);
  }
  clock.advanceTo(untilMs);
  twin.advance();
  look(scene);
}

function look({ cast, clock, twin, standings }: Scene): void {
  for (const { twin: one } of cast.functions) {
    const { requested = 0, status }: Partial<Configured> = configuredIn(twin, one.key) ?? {};
    const before = standings.findLast(({ key }) => key === one.key);
    if (before?.requested === requested && before.status === status) continue;
    standings.push({ key: one.key, atMs: clock.nowMs(), requested, status });
  }
}

function readBookings({ cast, twin }: Scene): Booking[] {
  const read = createBookingReader(cast.functions.map((one) => one.twin.key));
  return bookedIn(twin).flatMap((name) => read(name) ?? []);
}
