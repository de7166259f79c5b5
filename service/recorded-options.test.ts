import { expect, it } from 'vitest';
import { createVenue } from '../calendar/venue.ts';
import type { Store } from '../core/ports.ts';
import { msPerDay, msPerMinute } from '../core/time.ts';
import { createMemoryStore } from '../store/memory.ts';
import { loadEvents, loadOptions, loadSnapshot, recordOptions, recordSnapshot } from './recorded-options.ts';
import { partsOf } from './series-blob.ts';
import { key, sampleOptions, spec } from './sample.ts';
import type { SystemOptions } from './system-options.ts';

const sample = sampleOptions();

/** Two functions on a year of minutes each their own, with holes, one on New York's clock. */
function wideOptions(dayCount = 365): SystemOptions {
  const seriesOf = (scale: number) => ({
    fromMs: Date.UTC(2025, 0, 1),
    stepMs: msPerMinute,
    values: Float64Array.from({ length: (dayCount * msPerDay) / msPerMinute }, (_, index) =>
      index % 997 === 0 ? NaN : Math.round(2_000 + 1_900 * Math.sin(index / 229) + scale * ((index * 7919) % 101)),
    ),
  });
  return {
    ...sample,
    functions: ['XNYS', 'Europe/Paris'].map((venue, index) => ({
      spec: { ...spec, key: `${key}${index}` as typeof key },
      symbols: ['AAPL'],
      venue: createVenue(venue),
      history: {
        name: `history ${index}`,
        history: { series: seriesOf(index + 1), sha256: `file ${index}`, rowCount: 3, badRowCount: 1 },
      },
      volumeFrom: `history ${index}`,
      requestsPerUnit: 0.02,
    })),
  };
}

function countingStore() {
  const store = createMemoryStore();
  const puts: { readonly name: string; readonly bytes: number }[] = [];
  const counting: Store = {
    ...store,
    async put(name, version, bytes) {
      puts.push({ name, bytes: bytes.length });
      await store.put(name, version, bytes);
    },
  };
  return { store: counting, puts };
}

/** Venues are made of functions: what they answer is compared, not what they are. */
const comparable = ({ functions, ...rest }: SystemOptions) => ({
  ...rest,
  functions: functions.map(({ venue, ...one }) => ({
    ...one,
    venue: [venue.name, venue.sessionEvents(Date.UTC(2026, 2, 1), Date.UTC(2026, 2, 20))],
  })),
});

it.each([
  { name: 'the sample', options: sample },
  { name: 'two histories with holes, on two clocks', options: wideOptions(60) },
  {
    name: 'no calendar',
    options: { ...sample, calendar: { ...sample.calendar, events: [], version: emptyVersion() } },
  },
])('gives back the options as they were: $name', async ({ options }) => {
  const store = createMemoryStore();
  const hashes = await recordOptions(store, options);
  const loaded = await loadOptions(store, hashes);
  expect(comparable(loaded)).toEqual(comparable(options));
  // To the byte, the order of members included: what is judged with them is sealed as text.
  const orderedTextOf = ({ functions, limits, lead, policy, calendar }: SystemOptions) =>
    JSON.stringify([functions.map(({ spec: one }) => one), limits, lead, policy, calendar.events]);
  expect(orderedTextOf(loaded)).toBe(orderedTextOf(options));
});

it('shares one history among the functions that scale it', async () => {
  const options = { ...sample, functions: [...sample.functions, ...sample.functions] };
  const store = createMemoryStore();
  const { functions } = await loadOptions(store, await recordOptions(store, options));
  expect(functions[0]!.history).toBe(functions[1]!.history);
});

it('keeps a year of minutes in less than two megabytes, and writes only what is new of it', async () => {
  const { store, puts } = countingStore();
  const options = { ...wideOptions(), functions: wideOptions().functions.slice(0, 1) };
  const first = await recordOptions(store, options);
  const writtenBytes = puts.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(writtenBytes).toBeLessThan(2_000_000);
  expect(puts.filter(({ name }) => name === 'history')).toHaveLength(9);

  puts.length = 0;
  expect(await recordOptions(store, options)).toEqual(first);
  expect(puts).toEqual([]);

  const grown = { ...wideOptions(366), functions: wideOptions(366).functions.slice(0, 1) };
  await recordOptions(store, grown);
  expect(puts.filter(({ name }) => name === 'history')).toHaveLength(1);
});

it('cuts a series by the clock, whatever it begins with', () => {
  const { series } = wideOptions().functions[0]!.history.history;
  const later = { ...series, fromMs: series.fromMs + msPerDay, values: series.values.subarray(msPerDay / msPerMinute) };
  const hashes = (parts: ReturnType<typeof partsOf>) => parts.map(({ sha256 }) => sha256);
  expect(hashes(partsOf(later)).slice(1)).toEqual(hashes(partsOf(series)).slice(1));
  expect(partsOf({ ...series, values: new Float64Array(0) })).toEqual([]);
});

it.each([
  { name: 'config', code: 'record-changed' },
  { name: 'calendar', code: 'record-changed' },
  { name: 'history', code: 'record-changed' },
])('refuses a $name that is another, and one that is gone', async ({ name, code }) => {
  const inner = createMemoryStore();
  const hashes = await recordOptions(inner, sample);
  const changed: Store = {
    ...inner,
    async get(asked, version) {
      const blob = await inner.get(asked, version);
      if (asked !== name || !blob) return blob;
      const bytes = blob.bytes.slice();
      bytes[bytes.length >> 1]! ^= 1;
      return { ...blob, bytes };
    },
  };
  await expect(loadOptions(changed, hashes)).rejects.toMatchObject({ name: 'InputError', code });
  const without: Store = {
    ...inner,
    get: async (asked, version) => (asked === name ? undefined : inner.get(asked, version)),
  };
  await expect(loadOptions(without, hashes)).rejects.toMatchObject({ name: 'InputError', code: 'record-missing' });
});

it('keeps the state that a run begins with, and each calendar by its version', async () => {
  const store = createMemoryStore();
  const snapshot = { pursuits: {}, openIntents: {} };
  expect(await loadSnapshot(store, await recordSnapshot(store, snapshot))).toEqual(snapshot);
  const { calendarVersion } = await recordOptions(store, sample);
  expect(await loadEvents(store, calendarVersion)).toEqual(sample.calendar.events);
});

/** SHA-256 of nothing. */
function emptyVersion(): string {
  return 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
}
