import { describe, expect, it } from 'vitest';
import { msPerMinute } from '../core/time.ts';
import { sampleOncall } from './oncall-sample.ts';
import { createRouter, isWithin, nameOf, type Routed, type Told } from './routing.ts';

const router = createRouter(sampleOncall);
const day = Date.parse('2026-11-20T14:30:00Z');
const night = Date.parse('2026-11-20T07:30:00Z');
const trouble: Routed = {
  origin: 'service:orders-db',
  severity: 'critical',
  harmedRatio: 0.3,
  harmed: ['service:orders-db'],
};
const nobody: Told = { targets: {} };
const reachable = () => true;

const say = (
  episode: Partial<Routed>,
  { told = nobody, nowMs = day, isReachable = reachable, isAnswering = reachable } = {},
) =>
  router
    .tellings({ ...trouble, ...episode }, told, { nowMs, isReachable, isAnswering })
    .map(({ target, level, isEscalation }) => `${isEscalation ? 'escalate' : level} ${target}`);

describe('who is told', () => {
  it.each<readonly [string, Partial<Routed>, number, readonly string[]]>([
    ['the owner of the origin is paged', {}, day, ['page orders-pager']],
    ['minor trouble is a notice', { severity: 'minor', harmedRatio: 0.01 }, day, ['notice orders-channel']],
    ['a route makes it a digest', { origin: 'service:quotes-feed', severity: 'minor' }, day, ['digest quotes-channel']],
    ['at night much harm pages', { harmedRatio: 0.2 }, night, ['page orders-pager']],
    ['at night a little less is a notice', { harmedRatio: 0.199 }, night, ['notice orders-channel']],
    ['what is no share of requests pages at night', { harmedRatio: undefined } as never, night, ['page orders-pager']],
    ['what nobody owns goes to the default owner', { origin: 'service:else' }, day, ['page orders-pager']],
    [
      'owners of harmed callers get a notice',
      { harmed: ['service:orders-db', 'service:quotes-feed', 'service:quotes-api'] },
      day,
      ['page orders-pager', 'notice quotes-channel'],
    ],
    ['of an edge its callee', { origin: 'edge:service:quotes-api>service:orders-db' }, day, ['page orders-pager']],
    [
      'or its caller, where the callee is nobody',
      { origin: 'edge:service:quotes-api>dynamodb/x', harmed: [] },
      day,
      ['page quotes-pager'],
    ],
  ])('%s', (_, episode, nowMs, expected) => expect(say(episode, { nowMs })).toEqual(expected));

  it('is told once: a page stays one page, a notice at night becomes one in the morning', () => {
    const paged: Told = { targets: { 'orders-pager': ['page'] }, pagedAtMs: day };
    expect(say({}, { told: paged })).toEqual([]);
    const noticed: Told = { targets: { 'orders-channel': ['notice'] } };
    expect(say({ harmedRatio: 0.1 }, { told: noticed, nowMs: night })).toEqual([]);
    expect(say({ harmedRatio: 0.1 }, { told: noticed })).toEqual(['page orders-pager']);
  });

  it.each<readonly [string, Partial<Told>, number, readonly string[]]>([
    ['before its time', {}, 15 * msPerMinute - 1, []],
    ['when nobody answers', {}, 15 * msPerMinute, ['escalate boss']],
    ['not when somebody has', { acknowledgedAtMs: day + 1 }, 15 * msPerMinute, []],
    ['not twice', { escalatedAtMs: day + 1 }, 99 * msPerMinute, []],
  ])('escalates %s', (_, more, laterMs, expected) => {
    const told: Told = { targets: { 'orders-pager': ['page'] }, pagedAtMs: day, ...more };
    expect(say({}, { told, nowMs: day + laterMs })).toEqual(expected);
  });

  it('goes on to whoever can be reached', () => {
    expect(say({}, { isReachable: (target: string) => target !== 'orders-pager' } as never)).toEqual(['page boss']);
    const isAnswering = (target: string) => target !== 'orders-pager';
    expect(say({}, { isAnswering } as never)).toEqual(['page boss']);
    expect(say({}, { isAnswering: () => false })).toEqual(['page orders-pager']);
    expect(say({}, { isReachable: () => false })).toEqual([]);
  });
});

it.each([
  [{ fromMinute: 540, untilMinute: 1_020 }, 539, false],
  [{ fromMinute: 540, untilMinute: 1_020 }, 540, true],
  [{ fromMinute: 540, untilMinute: 1_020 }, 1_020, false],
  [{ fromMinute: 1_200, untilMinute: 420 }, 1_199, false],
  [{ fromMinute: 1_200, untilMinute: 420 }, 0, true],
  [{ fromMinute: 1_200, untilMinute: 420 }, 420, false],
])('hours %j hold minute %i: %s', (hours, minute, is) => expect(isWithin(hours, minute)).toBe(is));

it.each([
  ['the next morning', '2026-11-20T14:00:00Z', '2026-11-21T13:00:00Z'],
  ['today', '2026-11-20T12:59:59Z', '2026-11-20T13:00:00Z'],
  ['never twice at its own instant', '2026-11-20T13:00:00Z', '2026-11-21T13:00:00Z'],
  ['by the clock on the wall, over its change', '2026-10-31T13:00:00Z', '2026-11-01T13:00:00Z'],
])('a digest leaves %s', (_, from, until) => {
  expect(new Date(router.digestAfter(Date.parse(from))).toISOString()).toBe(new Date(until).toISOString());
});

it('names things as people do', () => {
  expect(nameOf('edge:123456789012/us-east-1/orders:live>service:db')).toBe('orders:live to db');
});
