/** The sentences of a plan: why this many, why then, with the numbers that decided. For people; nothing reads them back. */
import { manualKind, type MarketEvent } from '../core/market-event.ts';
import { formatInstant } from '../core/time.ts';
import { tellExpectation } from './expected-floor.ts';
import type { Cell, Row } from './row.ts';
import { surgeKind } from './surge.ts';

/**
 * `nfp at 2026-11-06T13:30:00Z: the 0.95 quantile of demand from here on peaks at 478 requests/s, 57 running at once; 82 keep spillover
 * within 0.1 %; cut to 60 by the function's ceiling.`
 */
export function explainWindow(cell: Cell, asked: NonNullable<Cell['asked']>, row: Row): string {
  const { need, window } = asked;
  const { target, notReady } = row;
  const { principal, events } = window.group;
  const others = events.length > 1 ? ` (and ${events.length - 1} more within half an hour)` : '';
  const spillover = `${rounded(target.spilloverRatioMax * 100)} %`;
  const seen = principal.kind === surgeKind ? ` (${principal.title})` : '';
  const event = `${principal.kind} at ${formatInstant(principal.startsAtMs)}${seen}${others}${expectedOf(events, row)}`;
  if (notReady !== undefined) return `${event}: ${cell.level} as in the plan before; no forecast: ${notReady}.`;
  return [
    `${event}: the ${rounded(target.level)} quantile of demand from here on peaks at`,
    ` ${rounded(need.arrivalsPerSecond)} requests/s, ${rounded(need.offeredLoad)} running at once`,
    need.limit === 'rate'
      ? `; at 10 requests/s for each that takes ${need.concurrency}`
      : `; ${need.concurrency} keep spillover within ${spillover}`,
    cell.wanted === need.concurrency ? '' : `, ${cell.wanted} stay until the next step`,
    cell.cutBy ? `; cut to ${cell.level} by ${cell.cutBy}.` : '.',
  ].join('');
}

/** What people foresee for this function: the forecast is at least that, and it may be why. */
function expectedOf(events: readonly MarketEvent[], { spec }: Row): string {
  const expected = events.flatMap(({ kind, title, expect }) =>
    expect === undefined || expect.group !== spec.group
      ? []
      : `${kind === manualKind ? ` (${title})` : ''}, expected by people to bring ${tellExpectation(expect)}`,
  );
  return expected.join('');
}

/** `Floor of 10; no forecast: needs 14 days of history, has 3.` */
export function explainFloor(cell: Cell, row: Row): string {
  const { spec, notReady } = row;
  if (cell.isKept && cell.level > spec.concurrencyFloor) {
    const cutShort = cell.cutBy ? `; cut to ${cell.level} by ${cell.cutBy}` : '';
    return `Kept after an event: by the median forecast ${cell.wanted} are busy enough to cost less than on demand${cutShort}.`;
  }
  const isCut = cell.level < spec.concurrencyFloor && cell.cutBy !== undefined;
  const shortened = isCut ? `, cut to ${cell.level} by ${cell.cutBy}` : '';
  const reason = notReady === undefined ? '' : `; no forecast: ${notReady}`;
  return `Floor of ${spec.concurrencyFloor}${shortened}${reason}.`;
}

/** Three significant digits, and whole numbers from a hundred on. */
function rounded(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
