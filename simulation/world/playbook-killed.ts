/**
 * One playbook and the incident that it is for, on a system that is killed at one step: a real process, a real SIGKILL, in virtual time. The world lives in this process and goes on without
 * it; with a restart, another process takes over the same store.
 */
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { assert } from '../../core/assert.ts';
import type { AuditEvent } from '../../core/audit.ts';
import { msPerHour, msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { createVirtualClock, type VirtualClock } from '../../core/virtual-clock.ts';
import type { Fact } from '../../service/facts.ts';
import type { TwinRequest } from '../twin/answer.ts';
import { listenTwin, type InjectedFault, type TwinServer } from '../twin/control-plane-http.ts';
import { createTwin, type Twin } from '../twin/twin.ts';
import { breakerTable } from './demo-remedies.ts';
import {
  algoOrders,
  callsCountedPerMinute,
  countedOf,
  faultFromMs,
  isBegunByHand,
  learnMs,
  orders,
  playbookFunctions,
  spansOf,
  versionNow,
  type PlaybookName,
  type Relief,
} from './playbook-cast.ts';
import { askTables, followKnobs, type Knobs, type Levels, type Turned } from './playbook-knobs.ts';
import type { ToldSecond } from './playbook-messages.ts';
import { startPlaybookSystem, type PlaybookSystem } from './playbook-system.ts';
import { listenPlaybookTargets, type PlaybookTargets, type PlaybookTold } from './playbook-targets.ts';
import { bookedIn } from './twin-look.ts';

/** `helps`: the harm ends with what the playbook does. `fails`: whatever it does, the harm goes on. */
export type PlaybookEndings = 'helps' | 'fails';

export interface PlaybookPlay {
  readonly name: PlaybookName;
  readonly ending: PlaybookEndings;
  /** What the system knows when the trouble begins: see `learnUsual`. */
  readonly learned: string;
  /** The step at which it dies; absent: it lives. */
  readonly cutAt?: number;
  /** Absent: it is not restarted. */
  readonly restartAfterMs?: number;
}

export interface PlaybookPlayed {
  readonly steps: readonly string[];
  /** The step at which it was killed. */
  readonly diedAt: string | undefined;
  readonly events: readonly AuditEvent[];
  readonly initial: Levels;
  readonly turned: readonly Turned[];
  /** Calls that were carried out and changed nothing; bookings, which have a name, and renewals of a breaker apart. */
  readonly repeated: readonly string[];
  readonly told: PlaybookTold;
  /** How its run ended, as it is on record. */
  readonly end: string | undefined;
  /** Knobs and bookings when everything that is booked has come. */
  readonly left: Levels;
  readonly bookedAtEnd: readonly string[];
}

/** Whoever follows the knobs asks the twin as well, and takes nobody's turn by that. */
const lookedAtOften = {
  ...{ controlPlaneBurst: 100_000, controlPlanePerSecond: 100_000 },
  ...{ schedulerPerSecond: 100_000, tableCallsPerSecond: 100_000 },
};

/** A new mapping is being created for a while. */
const settledMs = msPerMinute;
const beginsBeforeMs = 10 * msPerSecond;
/** No run takes longer. */
const lastsMsMax = 25 * msPerMinute;
/** After its end: messages leave, and what was booked is cancelled. */
const afterMs = 40 * msPerSecond;
const aloneMs = 5 * msPerHour;

interface Scene {
  readonly play: Pick<PlaybookPlay, 'name' | 'ending'>;
  readonly clock: VirtualClock;
  readonly twin: Twin;
  readonly server: TwinServer;
  readonly targets: PlaybookTargets;
  readonly uuid: string;
  readonly knobs: Knobs;
  readonly repeated: string[];
  readonly events: Map<number, AuditEvent>;
  readonly life: Life;
}

interface Life {
  readonly steps: string[];
  cutAt: number | undefined;
  diedAt: string | undefined;
  kill: () => void;
}

/** A store on which the system has seen usual calls for long enough; a folder, to be copied by each play. */
export async function learnUsual(name: PlaybookName): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-playbook-'));
  const scene = await openScene({ name, ending: 'helps' }, faultFromMs - learnMs);
  try {
    const system = await startOn(scene, folder);
    const untilMs = faultFromMs - beginsBeforeMs;
    while (scene.clock.nowMs() < untilMs) {
      const fromMs = scene.clock.nowMs();
      const count = Math.min(120, (untilMs - fromMs) / msPerSecond);
      const seconds = Array.from({ length: count }, (_, index): ToldSecond => {
        return { deltas: spansOf(name, fromMs + index * msPerSecond, undefined), facts: [] };
      });
      assert(await system.play(seconds), 'nobody kills who learns');
      scene.clock.advanceTo(fromMs + count * msPerSecond);
      scene.twin.advance();
    }
    await system.stop();
    return folder;
  } finally {
    await close(scene);
  }
}

export async function playPlaybook(options: PlaybookPlay): Promise<PlaybookPlayed> {
  const { name, ending, learned, cutAt, restartAfterMs } = options;
  const folder = await mkdtemp(path.join(tmpdir(), 'foreshock-playbook-'));
  await cp(learned, folder, { recursive: true });
  const scene = await openScene({ name, ending }, faultFromMs - beginsBeforeMs, cutAt);
  const { clock, knobs, life, twin } = scene;
  try {
    let system = await startOn(scene, folder);
    await playOn(scene, system);
    if (system.isKilled()) {
      await system.ended;
      await scene.server.unconnected();
      // It may have come to the tick at the end of the second.
      passAlone(scene, nextSecond(clock));
      if (restartAfterMs !== undefined) {
        life.cutAt = undefined;
        passAlone(scene, clock.nowMs() + restartAfterMs);
        system = await startOn(scene, folder);
        await playOn(scene, system);
      }
    }
    if (!system.isKilled()) await system.stop();
    passAlone(scene, clock.nowMs() + aloneMs);
    const events = [...scene.events.values()].sort((one, other) => one.seq - other.seq);
    const because = events.findLast(({ kind }) => kind === 'playbook.ended')?.body['because'];
    return {
      ...{ steps: life.steps, diedAt: life.diedAt, events, initial: knobs.initial, turned: knobs.turned },
      ...{ repeated: scene.repeated, told: scene.targets.told(), left: knobs.now(), bookedAtEnd: bookedIn(twin) },
      end: typeof because === 'string' ? / ended, ([a-z-]+)/.exec(because)?.[1] : undefined,
    };
  } finally {
    await close(scene);
    await rm(folder, { recursive: true, force: true });
  }
}

async function close({ server, targets }: Scene): Promise<void> {
  await server.close();
  await targets.close();
}

async function openScene(play: Scene['play'], nowMs: EpochMs, cutAt?: number): Promise<Scene> {
  const clock = createVirtualClock(nowMs - settledMs);
  const functions = playbookFunctions.map((key) => ({
    ...({ key, version: versionNow, memoryMb: 1_024, architecture: 'x86_64', initDurationMs: 800 } as const),
    runDurationMs: { p50: 60, p99: 250 },
  }));
  const twin = createTwin({ functions, seed: 'playbooks', clock, params: lookedAtOften });
  const uuid = createMapping(twin);
  createTable(twin);
  clock.advanceTo(nowMs);
  twin.advance();
  const life: Life = { steps: [], cutAt, diedAt: undefined, kill: () => undefined };
  const knobs = followKnobs({ twin, clock, uuid });
  const repeated: string[] = [];
  const hang: InjectedFault = { kind: 'hang' };
  const server = await listenTwin({
    host: '127.0.0.1',
    port: 0,
    beforeAnswer: (request) => (isChange(request) && isDeadly(life, `asked ${nameOf(request)}`) ? hang : undefined),
    handle(request) {
      if (!isChange(request)) return twin.handle(request);
      const before = `${JSON.stringify(knobs.now())} ${bookedIn(twin).join(' ')}`;
      const response = twin.handle(request);
      knobs.look();
      const isSame = before === `${JSON.stringify(knobs.now())} ${bookedIn(twin).join(' ')}`;
      // To book what is booked, by the same name, and to renew a breaker are meant to be said again; a mapping takes its time, and is counted by its levels.
      const isLevel =
        request.amzTarget === undefined && !/^\/schedules\/|\/event-source-mappings\//.test(request.target);
      if (response.status < 300 && isSame && isLevel) repeated.push(nameOf(request));
      return isDeadly(life, `done ${nameOf(request)}`) ? { ...response, fate: 'hang' } : response;
    },
  });
  const targets = await listenPlaybookTargets((step) => isDeadly(life, step));
  return { play, clock, twin, server, targets, uuid, knobs, repeated, events: new Map(), life };
}

function createMapping(twin: Twin): string {
  const body = JSON.stringify({
    FunctionName: algoOrders.split('/')[2]!,
    EventSourceArn: 'arn:aws:sqs:us-east-1:123456789012:algo-orders',
  });
  const answer = twin.handle({ method: 'POST', target: '/2015-03-31/event-source-mappings', body });
  assert(answer.status < 300, `the twin makes no mapping: ${answer.body}`);
  return (JSON.parse(answer.body) as { readonly UUID: string }).UUID;
}

function createTable(twin: Twin): void {
  askTables(twin, 'CreateTable', {
    ...{ TableName: breakerTable, BillingMode: 'PAY_PER_REQUEST' },
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
  });
}

function isChange({ method, amzTarget }: TwinRequest): boolean {
  return amzTarget === undefined ? method !== 'GET' : amzTarget.endsWith('.PutItem');
}

function nameOf({ method, target, amzTarget }: TwinRequest): string {
  return amzTarget ?? `${method} ${decodeURIComponent(target)}`;
}

function isDeadly(life: Life, step: string): boolean {
  if (life.diedAt !== undefined && life.cutAt !== undefined) return true;
  const index = life.steps.length;
  if (life.diedAt === undefined) life.steps.push(step);
  if (index !== life.cutAt) return false;
  life.diedAt = step;
  life.kill();
  return true;
}

async function startOn(scene: Scene, folder: string): Promise<PlaybookSystem> {
  const { play, clock, twin, server, targets, uuid, knobs, life } = scene;
  const storeFile = path.join(folder, 'store.db');
  const start = { name: play.name, uuid, nowMs: clock.nowMs(), storeFile, endpointUrl: server.url, urls: targets.urls };
  const system = await startPlaybookSystem(start, {
    reached(atMs) {
      clock.advanceTo(Math.max(atMs, clock.nowMs()));
      twin.advance();
      knobs.look();
    },
    heard(events) {
      for (const event of events) scene.events.set(event.seq, event);
    },
    isDeadly: (step) => isDeadly(life, step),
  });
  life.kill = () => system.kill();
  return system;
}

/** Second by second, until its run is over and a little longer. */
async function playOn(scene: Scene, system: PlaybookSystem): Promise<void> {
  const { clock, twin, knobs } = scene;
  let overAtMs: EpochMs | undefined;
  while (clock.nowMs() < faultFromMs + lastsMsMax) {
    const nowMs = clock.nowMs();
    if (!(await system.play([secondOf(scene, nowMs)]))) return;
    clock.advanceTo(Math.max(nowMs + msPerSecond, clock.nowMs()));
    twin.advance();
    knobs.look();
    const isOver = [...scene.events.values()].some(({ kind }) => kind === 'playbook.ended');
    if (isOver) overAtMs ??= nowMs;
    if (overAtMs !== undefined && nowMs >= overAtMs + afterMs) return;
  }
}

function secondOf(scene: Scene, atMs: EpochMs): ToldSecond {
  const { name } = scene.play;
  const relief = atMs < faultFromMs ? undefined : reliefOf(scene);
  return { deltas: spansOf(name, atMs, relief), facts: [...wordsOf(scene, atMs), ...countsOf(scene, atMs, relief)] };
}

/** What a person says who sees the pages. */
function wordsOf({ play: { name }, events }: Scene, atMs: EpochMs): readonly Fact[] {
  const all = [...events.values()];
  const of = (kind: string): readonly AuditEvent[] => all.filter((event) => event.kind === kind);
  const idOf = ({ body }: AuditEvent): unknown => body['approval'];
  const over = new Set([...of('approval.answered'), ...of('approval.ended')].map(idOf));
  const asked = new Set(of('approval.asked').map(idOf));
  const said = { by: 'ann', because: 'it is what we have written down', atMs };
  const answers = [...asked].flatMap((id): Fact[] =>
    typeof id !== 'string' || over.has(id)
      ? []
      : [{ kind: 'commanded', command: { ...said, kind: 'answer', id, isGranted: true } }],
  );
  const opened = of('incident.opened')[0]?.body['id'];
  const isWanted = isBegunByHand(name) && typeof opened === 'string' && of('playbook.started').length === 0;
  return isWanted ? [...answers, { kind: 'playbook-asked', name, incidentId: opened, by: 'ann' }] : answers;
}

/** A minute after it is over AWS tells how many calls there were, and that some were throttled. */
function countsOf({ play: { name } }: Scene, atMs: EpochMs, relief: Relief | undefined): readonly Fact[] {
  const key = countedOf(name);
  const bucketAtMs = atMs - 2 * msPerMinute;
  if (key === undefined || atMs % msPerMinute !== 0 || bucketAtMs + msPerMinute <= faultFromMs) return [];
  const isSaturated = relief !== 1;
  return [
    { kind: 'volume', key, bucketAtMs, countedBy: 'cloudwatch', requestCount: callsCountedPerMinute, isSaturated },
  ];
}

function reliefOf({ play: { name, ending }, knobs }: Scene): Relief {
  if (ending === 'fails') return 0;
  const levels = knobs.now();
  const shareOf = (key: string): number => Number(/=([\d.]+)/.exec(levels[`weight ${key}`] ?? '')?.[1] ?? 0);
  const isTurned = (knob: string): Relief => (levels[knob] === knobs.initial[knob] ? 0 : 1);
  switch (name) {
    case 'slow-dependency':
      return isTurned('breaker');
    case 'erroring-new-version':
      return shareOf(orders);
    case 'throttle-surge':
      return isTurned(`reserved ${countedOf(name)!}`);
    case 'cold-start-storm':
      return isTurned(`provisioned ${orders}`);
    case 'runaway-cost':
      return isTurned(`reserved ${orders}`);
    case 'erratic-algorithm':
      return shareOf(playbookFunctions.at(-1)!);
  }
}

function nextSecond(clock: VirtualClock): EpochMs {
  return Math.ceil((clock.nowMs() + 1) / msPerSecond) * msPerSecond;
}

/** Nobody is there: from one change of the twin to the next, and no more than some seconds, because a breaker's item ends by the clock. */
function passAlone({ clock, twin, knobs }: Scene, untilMs: EpochMs): void {
  while (clock.nowMs() < untilMs) {
    const next = Math.min(twin.nextChangeMs() ?? untilMs, clock.nowMs() + 5 * msPerSecond, untilMs);
    clock.advanceTo(Math.min(untilMs, Math.max(next, clock.nowMs() + msPerSecond)));
    twin.advance();
    knobs.look();
  }
}
