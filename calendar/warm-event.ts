/**
 * `foreshock warm`: a person who sees what no calendar says (a tariff post, a rumour) starts an event now. It is an event like any other from then on: planned within
 * the limits, priced, audited, and over by itself.
 */
import { InputError } from '../core/errors.ts';
import { manualKind, type MarketEvent } from '../core/market-event.ts';
import { formatInstant, msPerMinute, type EpochMs } from '../core/time.ts';
import { readEvent, type EventWords } from './event-text.ts';

export interface WarmRequest {
  readonly group: string;
  /** Times the usual; either this or `requestsPerSecond`. */
  readonly lift?: number;
  readonly requestsPerSecond?: number;
  readonly forMs: number;
  readonly because: string;
  /** Who asks. */
  readonly actor: string;
  readonly nowMs: EpochMs;
}

/** @throws InputError naming what is wrong, by the words of the request. */
export function createWarmEvent(request: WarmRequest): MarketEvent {
  const { group, lift, requestsPerSecond, forMs, because, actor, nowMs } = request;
  if (because.trim() === '')
    throw new InputError('warm', 'because: say why, in a few words: they go into the audit log');
  const at = formatInstant(nowMs);
  const words: EventWords = {
    ...{ ts: at, kind: manualKind, title: because.trim(), importance: '3', symbol: '', source: actor },
    ...{ id: '', status: '', precision: '' },
    expect_group: group,
    expect_lift: textOf(lift),
    expect_requests_per_second: textOf(requestsPerSecond),
    expect_minutes: String(Math.ceil(forMs / msPerMinute)),
  };
  const read = readEvent(words, { calendar: 'by hand' });
  if (!isFaulty(read)) return { ...read, id: `${manualKind}:${group}@${at}` };
  const faults = read.map(
    ({ field, value, expected }) => `${names[field] ?? field}: got "${value}", expected ${expected}`,
  );
  throw new InputError('warm', faults.join('; '));
}

const names: Readonly<Partial<Record<keyof EventWords, string>>> = {
  title: 'because',
  source: 'actor',
  expect_group: 'group',
  expect_lift: 'lift',
  expect_requests_per_second: 'requestsPerSecond',
  expect_minutes: 'minutes',
};

/** In digits: `1e+21` is a number to the machine, and a slip to everybody else. */
function textOf(value: number | undefined): string {
  return value === undefined ? '' : String(value);
}

function isFaulty<Fault>(read: MarketEvent | readonly Fault[]): read is readonly Fault[] {
  return Array.isArray(read);
}
