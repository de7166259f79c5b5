/** Golden replay: whatever went wrong on a virtual day, the recorded facts give the recorded decisions, to the byte. */
import { expect, it, onTestFinished } from 'vitest';
import { replay } from '../../service/replay.ts';
import { ordersKey, rehearse, serviceAnswer, type RehearsalOptions } from './scenario.ts';

interface Day {
  readonly name: string;
  readonly options: RehearsalOptions;
  readonly crashesAt?: number;
  /** Somebody else puts a level at this minute. */
  readonly isPutAt?: number;
}

const answered = (status: 429 | 500) => ({ kind: 'answer', response: serviceAnswer(status) }) as const;

const days: readonly Day[] = [
  { name: 'a day on which all goes well', options: {} },
  { name: 'a floor, in shadow', options: { mode: 'shadow', concurrencyFloor: 5 } },
  {
    name: 'a control plane that is dark over the event',
    options: { fault: ({ minute }) => (minute > -12 && minute < 3 ? answered(500) : undefined) },
  },
  {
    name: 'one that throttles while capacity is asked for',
    options: { fault: ({ minute, level }) => (minute < -8 && level !== undefined ? answered(429) : undefined) },
  },
  {
    name: 'bookings that cannot be made',
    options: { otherFault: (_, minute) => (minute < -7 ? answered(500) : undefined) },
  },
  { name: 'another hand in the window', options: {}, isPutAt: -3 },
  { name: 'a crash before the event and a start after it', options: {}, crashesAt: -6 },
];

it.each(days)('$name is decided again as it was', async ({ options, crashesAt, isPutAt }) => {
  const day = await rehearse(options);
  onTestFinished(() => day.world.close());
  if (crashesAt !== undefined) {
    await day.runUntil(crashesAt);
    await day.crash();
  }
  if (isPutAt !== undefined) {
    await day.runUntil(isPutAt);
    day.otherHandPuts(ordersKey, 7);
  }
  await day.runUntil(30);
  const { runs, differences } = await replay(day.store);
  expect(differences).toEqual([]);
  expect(runs.map(({ unreplayed }) => unreplayed)).toEqual(crashesAt === undefined ? [null] : [null, null]);
  expect(runs.reduce((sum, { equalCount }) => sum + equalCount, 0)).toBe(
    day.audit.filter(({ actor }) => actor === 'engine').length,
  );
});
