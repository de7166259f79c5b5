import { expect, it } from 'vitest';
import { msPerMinute } from '../core/time.ts';
import { createWarmEvent, type WarmRequest } from './warm-event.ts';

const nowMs = Date.UTC(2025, 3, 9, 17, 18, 32, 250);
const request: WarmRequest = {
  ...{ group: 'trading', lift: 4, forMs: 45 * msPerMinute, because: 'tariff post', actor: 'mia@desk', nowMs },
};

it('is an event that starts now, for one group', () => {
  expect(createWarmEvent(request)).toEqual({
    id: 'manual:trading@2025-04-09T17:18:32.250Z',
    kind: 'manual',
    title: 'tariff post',
    startsAtMs: nowMs,
    precision: 'minute',
    importance: 3,
    symbols: [],
    status: 'scheduled',
    expect: { group: 'trading', minutes: 45, lift: 4 },
    source: { calendar: 'by hand', says: 'mia@desk' },
  });
  const { lift: _, ...rest } = request;
  expect(createWarmEvent({ ...rest, requestsPerSecond: 900, forMs: 90_001 }).expect).toEqual({
    ...{ group: 'trading', minutes: 2, requestsPerSecond: 900 },
  });
});

it.each<[string, Partial<WarmRequest>, string]>([
  ['no reason', { because: ' ' }, 'because: say why'],
  ['a reason that commands a terminal', { because: '\u001b[2J' }, 'because: got'],
  ['a group that is none', { group: 'the desk' }, 'group: got "the desk"'],
  ['less than the usual', { lift: 0.5 }, 'lift: got "0.5"'],
  ['a lift beyond all that was seen', { lift: 1e21 }, 'lift: got "1e+21"'],
  ['both', { requestsPerSecond: 5 }, 'requestsPerSecond: got "5", expected expect_lift or'],
  ['no time', { forMs: 0 }, 'minutes: got "0"'],
  ['more than three hours', { forMs: 181 * msPerMinute }, 'minutes: got "181", expected a whole number from 1 to 180'],
])('refuses %s', (_, change, message) => {
  expect(() => createWarmEvent({ ...request, ...change })).toThrow(message);
});
