/**
 * The bad days: what goes wrong around an event, each as a script for the rehearsal (scenario.ts), and what became of it beside the same day without
 * Foreshock.
 *
 * What is done to one twin is done to the other: a deployment, another hand, a slow Lambda are there whether Foreshock is or not. Changes go wrong at
 * the twin, for whoever makes them, so that a booked call meets the same 5xx as ours; looks go wrong on the way, so that the day can still be watched.
 */
import type { FunctionSpec } from '../../core/function-spec.ts';
import { createRandom } from '../../core/random.ts';
import { msPerMinute } from '../../core/time.ts';
import type { Fault } from '../twin/faults.ts';
import type { OperationName } from '../twin/operation-names.ts';
import type { Twin } from '../twin/twin.ts';
import { nameOf, ordersKey, serviceAnswer, type RehearsalOptions } from './scenario.ts';
import { putByAnotherHand } from './twin-look.ts';

export interface BadDay {
  readonly name: string;
  readonly what: string;
  /** Told anew for each run: a fault that strikes by chance draws from its own stream. */
  readonly options?: (seed: string) => RehearsalOptions;
  readonly deeds?: readonly Deed[];
  /** What `orders-validate` is to hold in the end: what stood before us, or what another hand has set since. */
  readonly standsInTheEnd?: number;
  /**
   * Somebody takes away in the window what Foreshock had made the traffic rely on. The environments that served it on demand are gone by then, so that such a
   * day may be worse than one without Foreshock.
   */
  readonly isTakenAway?: true;
}

/** Something that happens at a minute from the event, to both twins. */
export interface Deed {
  readonly minute: number;
  readonly does: (twin: Twin) => void;
}

interface Span {
  readonly from: number;
  readonly until: number;
}

const aroundEvent: Span = { from: -20, until: 20 };
const orders = nameOf(ordersKey);

/** A quarter of an hour in which all is well: the service runs since long, and has looked and booked. */
const fromMinute = -35;

const changes: readonly OperationName[] = ['PutProvisionedConcurrencyConfig', 'DeleteProvisionedConcurrencyConfig'];
const steered: RehearsalOptions = { specOf: ordersWith({ ownership: 'steer' }) };

export const badDays: readonly BadDay[] = [
  { name: 'none', what: 'nothing goes wrong' },
  {
    name: '5xx',
    what: 'every call to Lambda is answered 500, from T-20 to T+20',
    options: () => looksFail(aroundEvent, 500),
    deeds: [changesFail(aroundEvent, { kind: 'error', status: 500 })],
  },
  {
    name: '5xx-before',
    what: 'every call to Lambda is answered 500, from T-40 to T+0',
    options: () => ({ ...looksFail({ from: -40, until: 0 }, 500), fromMinute: -45 }),
    deeds: [changesFail({ from: -40, until: 0 }, { kind: 'error', status: 500 })],
  },
  {
    name: 'stuck',
    what: 'IN_PROGRESS does not end, from T-20 to T+20',
    deeds: [fault(aroundEvent, { kind: 'stuck' })],
  },
  {
    name: 'gets-fail',
    what: 'looks are answered 500, from T-20 to T+20; Puts are not',
    options: () => looksFail(aroundEvent, 500),
  },
  {
    name: 'gets-fail-once-warm',
    what: 'looks are answered 500, from T-6 to T+34; Puts are not',
    options: () => looksFail({ from: -6, until: 34 }, 500),
  },
  {
    name: 'blind-past-the-end',
    what: 'looks are answered 500, from T-6 until long after the booked end',
    options: () => looksFail({ from: -6, until: 124 }, 500),
  },
  {
    name: '429',
    what: 'every call to Lambda is throttled, from T-20 to T+20',
    options: () => looksFail(aroundEvent, 429),
    deeds: [changesFail(aroundEvent, { kind: 'throttle' })],
  },
  {
    name: '429-60',
    what: 'six of ten calls to Lambda are throttled, from T-20 to T+20',
    options: (seed) => looksFail(aroundEvent, 429, { ratio: 0.6, seed }),
    deeds: [changesFail(aroundEvent, { kind: 'throttle', ratio: 0.6 })],
  },
  {
    name: 'scheduler-down',
    what: 'EventBridge Scheduler answers 500 from the start of the service until T+20',
    options: () => ({ fromMinute: -20, ...schedulerFails({ from: -60, until: 20 }) }),
  },
  {
    name: 'scheduler-down-later',
    what: 'EventBridge Scheduler answers 500 from T-20 to T+20, after the ends were booked',
    options: () => schedulerFails(aroundEvent),
  },
  {
    name: 'lost-answers',
    what: 'every Put and Delete is carried out, and its answer is lost',
    options: () => ({ fault: ({ level }) => (level === undefined ? undefined : { kind: 'lose' }) }),
  },
  {
    name: 'deployment',
    what: 'orders-validate is deployed: weights from T-5 to T-2, then the alias moves to another version',
    deeds: [
      { minute: -5, does: (twin) => twin.placeAlias(orders, { ...liveOn('1'), additionalVersionWeights: { 2: 0.1 } }) },
      { minute: -2, does: (twin) => twin.placeAlias(orders, liveOn('2')) },
    ],
  },
  {
    name: 'clamp',
    what: 'orders-validate, which we own, has a scalable target all the same (0 to 10); somebody touches it at T-6',
    deeds: [scales(-30, { min: 0, max: 10 }), scales(-6, { min: 0, max: 10 })],
  },
  {
    name: 'steer',
    what: 'orders-validate is steered: a scalable target of 2 to 60 with 4 provisioned',
    options: () => steered,
    deeds: [puts(-40, 4), scales(-40, { min: 2, max: 60 })],
    standsInTheEnd: 4,
  },
  {
    name: 'steer-low',
    what: 'orders-validate is steered, and its scalable target ends at 15',
    options: () => steered,
    deeds: [puts(-40, 4), scales(-40, { min: 2, max: 15 })],
    standsInTheEnd: 4,
  },
  {
    name: 'steer-gone',
    what: 'orders-validate is steered, and somebody takes its scalable target away at T-25',
    options: () => steered,
    deeds: [puts(-40, 4), scales(-40, { min: 2, max: 60 }), unscales(-25)],
    standsInTheEnd: 4,
  },
  {
    name: 'steer-gone-once-warm',
    what: 'orders-validate is steered, and somebody takes its scalable target away at T-5, after the raise',
    options: () => steered,
    deeds: [puts(-40, 4), scales(-40, { min: 2, max: 60 }), unscales(-5)],
    standsInTheEnd: 4,
  },
  {
    name: 'human-lower',
    what: 'a person sets orders-validate to 5 at T-4',
    deeds: [puts(-4, 5)],
  },
  {
    name: 'human-lower-after',
    what: 'a person sets orders-validate to 5 at T+3',
    deeds: [puts(3, 5)],
    isTakenAway: true,
  },
  {
    name: 'human-lower-twice',
    what: 'a person sets orders-validate to 5 at T-4, and again at T-1',
    deeds: [puts(-4, 5), puts(-1, 5)],
    standsInTheEnd: 5,
    isTakenAway: true,
  },
  {
    name: 'human-lower-yield',
    what: 'a person sets orders-validate to 5 at T-4, and onDrift is yield',
    options: () => ({ specOf: ordersWith({ onDrift: 'yield' }) }),
    deeds: [puts(-4, 5)],
    standsInTheEnd: 5,
    isTakenAway: true,
  },
  {
    name: 'human-higher',
    what: 'a person sets orders-validate to 60 at T-4, and to 3 at T+20',
    deeds: [puts(-4, 60), puts(20, 3)],
    standsInTheEnd: 3,
    isTakenAway: true,
  },
  {
    name: 'slow',
    what: 'Lambda takes six times as long to prepare: 6 to 12 minutes',
    deeds: [fault({ from: -35, until: 130 }, { kind: 'slow', times: 6 })],
  },
  {
    name: 'init-fails',
    what: 'new environments of orders-validate do not start',
    deeds: [{ minute: -30, does: (twin) => twin.setInitFails(orders, true) }],
  },
];

export function optionsOf({ options }: BadDay, seed: string): RehearsalOptions {
  return { fromMinute, seed, ...options?.(seed) };
}

function ordersWith(changed: Partial<FunctionSpec>): (spec: FunctionSpec) => FunctionSpec {
  return (spec) => (spec.key === ordersKey ? { ...spec, ...changed } : spec);
}

function looksFail(
  { from, until }: Span,
  status: 429 | 500,
  { ratio = 1, seed = '' }: { readonly ratio?: number; readonly seed?: string } = {},
): RehearsalOptions {
  const random = createRandom(`looks ${seed}`);
  return {
    fault({ minute, level }) {
      const isHit = level === undefined && minute >= from && minute < until && random.next() < ratio;
      return isHit ? { kind: 'answer', response: serviceAnswer(status) } : undefined;
    },
  };
}

function schedulerFails({ from, until }: Span): RehearsalOptions {
  return {
    otherFault: ({ target }, minute) =>
      target.startsWith('/schedules') && minute >= from && minute < until
        ? { kind: 'answer', response: serviceAnswer(500) }
        : undefined,
  };
}

function changesFail(
  span: Span,
  what: { readonly kind: 'error' | 'throttle'; readonly status?: number; readonly ratio?: number },
): Deed {
  return fault(span, { ...what, operations: changes });
}

function fault({ from, until }: Span, what: Fault): Deed {
  return { minute: from, does: (twin) => void twin.addFault({ ...what, forMs: (until - from) * msPerMinute }) };
}

function liveOn(version: string) {
  return { name: 'live', functionVersion: version, description: '' };
}

/** A Put by somebody else. */
function puts(minute: number, level: number): Deed {
  return { minute, does: (twin) => putByAnotherHand(twin, ordersKey, level) };
}

function scales(minute: number, { min, max }: { readonly min: number; readonly max: number }): Deed {
  return { minute, does: (twin) => scaling(twin, 'RegisterScalableTarget', { MinCapacity: min, MaxCapacity: max }) };
}

function unscales(minute: number): Deed {
  return { minute, does: (twin) => scaling(twin, 'DeregisterScalableTarget', {}) };
}

function scaling(twin: Twin, operation: OperationName, members: object): void {
  const target = {
    ServiceNamespace: 'lambda',
    ScalableDimension: 'lambda:function:ProvisionedConcurrency',
    ResourceId: `function:${orders}:live`,
  };
  const body = JSON.stringify({ ...target, ...members });
  const amzTarget = `AnyScaleFrontendService.${operation}`;
  const { status, body: text } = twin.handle({ method: 'POST', target: '/', body, amzTarget });
  if (status >= 300) throw new Error(`the scalable target was refused: ${text}`);
}
