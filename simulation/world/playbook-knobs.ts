/** How the things stand in a twin that playbooks turn: read past everybody's queues, and followed from change to change. */
import { assert } from '../../core/assert.ts';
import { parseFunctionKey } from '../../core/series-key.ts';
import type { Clock, EpochMs } from '../../core/time.ts';
import type { Twin } from '../twin/twin.ts';
import { breakerTable } from './demo-remedies.ts';
import { breakerItemId, playbookFunctions, versionNow } from './playbook-cast.ts';
import { configuredIn } from './twin-look.ts';

/** By the name of the knob. */
export type Levels = Readonly<Record<string, string>>;

/** A knob came to another level. */
export interface Turned {
  readonly atMs: EpochMs;
  readonly knob: string;
  readonly level: string;
}

export interface Knobs {
  readonly initial: Levels;
  now(): Levels;
  /** Looks, and notes what has changed since it looked last. */
  look(): void;
  readonly turned: readonly Turned[];
}

interface Seen {
  readonly twin: Twin;
  readonly clock: Clock;
  readonly uuid: string;
}

export function followKnobs(seen: Seen): Knobs {
  const initial = levelsOf(seen);
  const turned: Turned[] = [];
  let last = initial;
  return {
    initial,
    now: () => last,
    look() {
      const levels = levelsOf(seen);
      for (const [knob, level] of Object.entries(levels))
        if (last[knob] !== level) turned.push({ atMs: seen.clock.nowMs(), knob, level });
      last = levels;
    },
    turned,
  };
}

function levelsOf({ twin, clock, uuid }: Seen): Levels {
  const levels: Record<string, string> = {
    'event-source': twin.isEventSourceEnabled(uuid) ? 'running' : 'paused',
    breaker: breakerIn(twin, clock.nowMs()),
  };
  for (const key of playbookFunctions) {
    const others = Object.entries(twin.sharesOf(key)).filter(([version]) => version !== versionNow);
    levels[`weight ${key}`] = others.map(([version, share]) => `${version}=${share.toFixed(3)}`).join(' ') || 'none';
    levels[`reserved ${key}`] = reservedIn(twin, parseFunctionKey(key)!.functionName);
    levels[`provisioned ${key}`] = String(configuredIn(twin, key)?.requested ?? 0);
  }
  return levels;
}

/** The knob that a remedy turns. */
export function knobOf(remedy: { readonly kind?: unknown; readonly key?: unknown }): string | undefined {
  switch (remedy.kind) {
    case 'weigh-alias':
      return `weight ${String(remedy.key)}`;
    case 'reserve-concurrency':
      return `reserved ${String(remedy.key)}`;
    case 'add-provisioned':
      return `provisioned ${String(remedy.key)}`;
    case 'switch-event-source':
      return 'event-source';
    case 'move-breaker':
      return 'breaker';
    default:
      return undefined;
  }
}

function reservedIn(twin: Twin, functionName: string): string {
  const target = `/2019-09-30/functions/${functionName}/concurrency`;
  const { status, body } = twin.handle({ method: 'GET', target, body: '' });
  assert(status === 200, `the twin does not say what ${functionName} has reserved: ${body}`);
  const { ReservedConcurrentExecutions: count } = JSON.parse(body) as {
    readonly ReservedConcurrentExecutions?: number;
  };
  return String(count ?? 'none');
}

/** As its clients make it out: a standing that has ended is none. */
function breakerIn(twin: Twin, nowMs: EpochMs): string {
  const answer = askTables(twin, 'GetItem', { TableName: breakerTable, Key: { id: { S: breakerItemId } } });
  const { Item: item } = JSON.parse(answer) as { readonly Item?: Readonly<Record<string, { S?: string; N?: string }>> };
  const state = item?.['foreshock_state']?.S ?? 'closed';
  return state !== 'closed' && Number(item?.['foreshock_until']?.N) > nowMs ? state : 'closed';
}

/** A call to DynamoDB by somebody else. */
export function askTables(twin: Twin, operation: string, body: object): string {
  const amzTarget = `DynamoDB_20120810.${operation}`;
  const answer = twin.handle({ method: 'POST', target: '/', body: JSON.stringify(body), amzTarget });
  assert(answer.status === 200, `the twin refuses ${operation}: ${answer.body}`);
  return answer.body;
}
