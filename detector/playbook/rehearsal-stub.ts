/**
 * A small made-up world in which playbooks are rehearsed: levels that can be set, trouble that ends when they are as they should be, answers that get lost, and a service that
 * dies at any place and begins again from what was sealed.
 */
import type { Outcome } from '../../core/action.ts';
import { assertNever } from '../../core/assert.ts';
import type { Incident } from '../../core/incident.ts';
import type { Playbook } from '../../core/playbook.ts';
import type { Remedy, Standing } from '../../core/remedy.ts';
import { msPerSecond, type EpochMs } from '../../core/time.ts';
import type { VersionSeen } from '../service-graph.ts';
import { hear } from './hear.ts';
import { next, startRun } from './next.ts';
import type { PlaybookCounts, PlaybookNews, PlaybookWant, Run } from './run.ts';

export const rehearsalStartsAtMs = Date.UTC(2026, 10, 20, 14, 30);

/** What becomes of one call. `answer-lost`: it took effect, and nobody hears. `call-lost`: it did not, and nobody hears. */
export type CallFate = 'accepted' | 'answer-lost' | 'call-lost' | 'refused' | 'throttled';

export interface Rehearsal {
  readonly playbook: Playbook;
  readonly incident: Incident;
  /** Whether these levels end the trouble. */
  readonly helps: (levels: ReadonlyMap<string, string>) => boolean;
  /** By the number of the call, from 0. */
  readonly fateOf?: (call: number, remedy: Remedy) => CallFate;
  /** Numbers of places at which the service dies: counted before a tick is sealed, after it, and after each effect. */
  readonly diesAt?: ReadonlySet<number>;
  readonly provisioned?: number;
  /** What approvals get; undefined: nobody answers. */
  readonly answer?: boolean;
  readonly stopByGate?: (
    want: Extract<PlaybookWant, { readonly kind: 'remedy' }>,
  ) => Extract<PlaybookNews, { readonly kind: 'stopped-by-gate' }>['stop'] | undefined;
  readonly secondsMax?: number;
  readonly breakers?: readonly string[];
}

export interface Rehearsed {
  readonly run: Run;
  /** What took effect, in turn: `orders:live weight 6=1`. */
  readonly effects: readonly string[];
  /** As the world stands at the end. */
  readonly levels: ReadonlyMap<string, string>;
  readonly says: readonly string[];
  readonly escalations: readonly string[];
  readonly questions: readonly string[];
  readonly placeCount: number;
  /** Those of ticks at which something was wanted, said or answered, and of the ticks behind them. */
  readonly busyPlaces: readonly number[];
  readonly endedAfterMs: number | undefined;
}

const versions: readonly VersionSeen[] = [
  { version: '6', firstSeenAtMs: 0, lastSeenAtMs: rehearsalStartsAtMs - 60_000, isFirst: true },
  { version: '7', firstSeenAtMs: rehearsalStartsAtMs - 60_000, lastSeenAtMs: rehearsalStartsAtMs, isFirst: false },
];

class Died extends Error {}

export function rehearse(plan: Rehearsal): Rehearsed {
  const world = createWorld(plan);
  const says: string[] = [];
  const escalations: string[] = [];
  const questions: string[] = [];
  let sealed = JSON.stringify(startRun(plan.playbook, plan.incident, { nowMs: rehearsalStartsAtMs, by: 'engine' }));
  let facts: PlaybookNews[] = [];
  /** What people said is on record before anybody hears of it. */
  const answers: PlaybookNews[] = [];
  const busyPlaces: number[] = [];
  let wasBusy = true;
  let placeCount = 0;
  const place = (): void => {
    const here = placeCount++;
    if (plan.diesAt?.has(here)) throw new Died();
  };
  let nowMs = rehearsalStartsAtMs;
  let seq = 100;
  const secondsMax = plan.secondsMax ?? 7_200;
  let isEnded = false;
  for (let second = 0; second < secondsMax && !isEnded; second++, nowMs += msPerSecond) {
    world.pass(nowMs);
    const firstPlace = placeCount;
    let isBusy = facts.length > answers.length;
    try {
      const restored = JSON.parse(sealed) as Run;
      let run = facts.reduce(hear, restored);
      const taken = next(run, world.momentAt(nowMs));
      run = taken.run;
      isBusy ||= taken.wants.length > 0 || taken.says.length > 0;
      const effects: Extract<PlaybookWant, { readonly kind: 'remedy' }>[] = [];
      for (const want of taken.wants) {
        if (want.kind !== 'remedy') continue;
        const stop = plan.stopByGate?.(want);
        run = hear(
          run,
          stop
            ? { kind: 'stopped-by-gate', id: want.id, stop }
            : { kind: 'intended', id: want.id, seq: seq++, atMs: nowMs },
        );
        if (!stop) effects.push(want);
      }
      place();
      sealed = JSON.stringify(run);
      facts = [];
      says.push(...taken.says);
      // Sealed with the tick: questions, and what is told to people.
      for (const want of taken.wants) {
        if (want.kind === 'escalate') escalations.push(want.because);
        if (want.kind !== 'ask') continue;
        questions.push(want.question);
        if (plan.answer !== undefined)
          answers.push({ kind: 'answered', id: want.id, isYes: plan.answer, by: 'ann', because: 'seen' });
      }
      facts.push(...answers);
      place();
      for (const want of taken.wants)
        if (want.kind === 'look') facts.push({ kind: 'looked', id: want.id, atMs: nowMs, ...world.look(want.remedy) });
      for (const { id, remedy } of effects) {
        const outcome = world.apply(remedy, nowMs);
        place();
        facts.push({ kind: 'outcome', id, outcome });
      }
      isEnded = run.phase === 'ended';
    } catch (error) {
      if (!(error instanceof Died)) throw error;
      // What was not sealed is gone, and so is every answer that was on its way.
      facts = [{ kind: 'restarted', atMs: nowMs }, ...answers];
    }
    if (isBusy || wasBusy) for (let place = firstPlace; place < placeCount; place++) busyPlaces.push(place);
    wasBusy = isBusy;
  }
  const run = JSON.parse(sealed) as Run;
  const endedAfterMs = run.end && run.end.atMs - rehearsalStartsAtMs;
  return {
    run,
    effects: world.effects,
    levels: world.levels,
    says,
    escalations,
    questions,
    placeCount,
    busyPlaces,
    endedAfterMs,
  };
}

function createWorld({ incident, helps, fateOf, provisioned, breakers = [] }: Rehearsal) {
  const levels = new Map<string, string>();
  const effects: string[] = [];
  let callCount = 0;
  let wellSinceMs: EpochMs | undefined;
  const ends = new Map<string, EpochMs>();
  return {
    levels,
    effects,
    pass(nowMs: EpochMs): void {
      for (const [target, untilMs] of ends)
        if (untilMs <= nowMs) {
          ends.delete(target);
          levels.delete(target);
        }
      wellSinceMs = helps(levels) ? (wellSinceMs ?? nowMs) : undefined;
    },
    momentAt: (nowMs: EpochMs) => ({
      nowMs,
      seenUntilMs: nowMs - 2 * msPerSecond,
      incidents: [
        {
          ...incident,
          state: wellSinceMs !== undefined && nowMs >= wellSinceMs + 30_000 ? ('mitigated' as const) : incident.state,
        },
      ],
      countsOf: (_key: string, fromMs: EpochMs, untilMs: EpochMs) =>
        countsOf(untilMs - fromMs, wellSinceMs !== undefined && fromMs >= wellSinceMs),
      provisionedOf: () => (provisioned === undefined ? undefined : { concurrency: provisioned, initDurationMs: 800 }),
      versionsOf: () => versions,
      breakersOf: () => breakers,
      corroborationOf: () => ({ observers: [], disputedBy: [], disputedSenders: [] }),
    }),
    look(remedy: Remedy): { readonly standing?: Standing; readonly isStanding: boolean } {
      const standing = standingOf(remedy, levels);
      const { target, level } = levelOf(remedy);
      // Nobody can see from here whether a webhook has arrived.
      const isStanding = remedy.kind !== 'call-webhook' && (levels.get(target) ?? usualOf(remedy)) === level;
      return { ...(standing && { standing }), isStanding };
    },
    apply(remedy: Remedy, atMs: EpochMs): Outcome {
      const fate = fateOf?.(callCount++, remedy) ?? 'accepted';
      const { target, level } = levelOf(remedy);
      if (fate === 'accepted' || fate === 'answer-lost') {
        // A webhook is known by its id where it arrives; whatever else is made twice shows twice.
        if (remedy.kind !== 'call-webhook' || !effects.includes(`${target} ${level}`))
          effects.push(`${target} ${level}`);
        if (level === usualOf(remedy)) levels.delete(target);
        else levels.set(target, level);
        ends.set(target, remedy.untilMs);
      }
      switch (fate) {
        case 'accepted':
          return { kind: 'accepted', atMs };
        case 'refused':
          return { kind: 'refused', atMs, code: 'PreconditionFailedException', message: 'moved under us' };
        case 'throttled':
          return { kind: 'throttled', atMs, code: 'TooManyRequestsException', message: 'rate', retryAfterMs: 2_000 };
        case 'answer-lost':
        case 'call-lost':
          return { kind: 'unknown', atMs, code: 'ETIMEDOUT', message: 'no answer' };
        default:
          return assertNever(fate);
      }
    },
  };
}

function countsOf(lengthMs: number, isWell: boolean): PlaybookCounts {
  const requestCount = (40 * lengthMs) / msPerSecond;
  const bad = isWell ? 0 : 0.5 * requestCount;
  return {
    requestCount,
    ...{ errorCount: bad, throttleCount: bad, coldStartCount: bad, slowCount: bad, deadLetterCount: bad },
    busyMs: requestCount * (isWell ? 50 : 1_000),
  };
}

function levelOf(remedy: Remedy): { readonly target: string; readonly level: string } {
  switch (remedy.kind) {
    case 'weigh-alias':
      return {
        target: `${nameOf(remedy.key)} weight`,
        level: remedy.weight === 0 ? 'none' : `${remedy.version}=${remedy.weight}`,
      };
    case 'reserve-concurrency':
      return { target: `${nameOf(remedy.key)} reserved`, level: String(remedy.concurrency) };
    case 'switch-event-source':
      return { target: `${nameOf(remedy.key)} source`, level: remedy.isEnabled ? 'on' : 'off' };
    case 'add-provisioned':
      return { target: `${nameOf(remedy.key)} provisioned`, level: String(remedy.concurrency) };
    case 'redrive-dead-letters':
      return { target: 'redrive', level: remedy.queueArn.split(':').at(-1)! };
    case 'call-webhook':
      return { target: `webhook ${remedy.target}`, level: remedy.id };
    case 'move-breaker':
      return { target: `breaker ${remedy.standing.name}`, level: remedy.standing.state };
    default:
      return assertNever(remedy);
  }
}

function usualOf(remedy: Remedy): string {
  const usual: Readonly<Record<Remedy['kind'], string>> = {
    'weigh-alias': 'none',
    'reserve-concurrency': 'null',
    'switch-event-source': 'on',
    'add-provisioned': '0',
    'redrive-dead-letters': 'none',
    'call-webhook': 'none',
    'move-breaker': 'closed',
  };
  return usual[remedy.kind];
}

function nameOf(key: string): string {
  return key.split('/').at(-1)!;
}

function standingOf(remedy: Remedy, levels: ReadonlyMap<string, string>): Standing | undefined {
  const level = levels.get(levelOf(remedy).target);
  switch (remedy.kind) {
    case 'weigh-alias': {
      const [version, weight] = level?.split('=') ?? [];
      const weights = version === undefined ? {} : { [version]: Number(weight) };
      return { kind: 'alias', key: remedy.key, version: '7', weights, revisionId: 'r1' };
    }
    case 'reserve-concurrency':
      return { kind: 'reserved', key: remedy.key, concurrency: level === undefined ? null : Number(level) };
    case 'switch-event-source':
      return {
        kind: 'event-source',
        key: remedy.key,
        uuid: remedy.uuid,
        state: level === 'off' ? 'disabled' : 'enabled',
      };
    case 'move-breaker':
      return { kind: 'breaker', standing: undefined };
    case 'add-provisioned':
    case 'redrive-dead-letters':
    case 'call-webhook':
      return undefined;
    default:
      return assertNever(remedy);
  }
}

/** An open incident at that origin. */
export function madeUpIncident(origin: string, change: Partial<Incident> = {}): Incident {
  const atMs = rehearsalStartsAtMs - 20_000;
  return {
    ...{
      id: `${origin}@1`,
      state: 'open',
      severity: 'critical',
      startsAtMs: atMs,
      openedAtMs: atMs,
      lastTroubleAtMs: rehearsalStartsAtMs,
    },
    ...{ origin: origin as Incident['origin'], verdict: 'LIKELY', harmedRatio: 0.5, harmedRatioMax: 0.5, harmed: [] },
    ...{ findings: [], contributions: [], changes: [], traceIds: [], timeline: [] },
    ...change,
  };
}
