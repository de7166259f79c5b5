/** The sentences of a plan: why this many, why then, with the numbers that decided. For people; nothing reads them back. */
import { manualKind, type MarketEvent } from '../core/market-event.ts';
import { formatInstant } from '../core/time.ts';
import { billingPeriodMs } from './cost.ts';
import type { EventWindow } from './event-window.ts';
import { tellExpectation } from './expected-floor.ts';
import type { Cell, Row } from './row.ts';
import { surgeKind } from './surge.ts';
import { spilledAt } from './worth/chain.ts';

/**
 * `nfp at 2026-11-06T13:30:00Z: 450 requests/s expected in the busiest five minutes; its window costs $1.20 and saves $3.10, and 0.08 % of requests spill
 * until half an hour after it; 96 cut to 60 by the function's ceiling.`
 */
export function explainWindow(
  cell: Cell,
  { window, row, cells }: { readonly window: EventWindow; readonly row: Row; readonly cells: readonly Cell[] },
): string {
  const { principal, events } = window.group;
  const others = events.length > 1 ? ` (and ${events.length - 1} more within half an hour)` : '';
  const seen = principal.kind === surgeKind ? ` (${principal.title})` : '';
  const event = `${principal.kind} at ${formatInstant(principal.startsAtMs)}${seen}${others}${expectedOf(events, row)}`;
  const decided = row.decided.get(window);
  if (row.notReady !== undefined || !decided) {
    return `${event}: ${cell.level} as in the plan before; no forecast: ${row.notReady ?? 'none'}.`;
  }
  const own = cells.filter((one) => one.window === window);
  const worthUsd = own.reduce((usd, one) => usd + one.worthUsd, 0);
  const usd = own.reduce((sum, one) => sum + one.level, 0) * row.usdPerBlock;
  const counted = [...cells.entries()].filter(
    ([, one]) => one.blockAtMs >= window.group.firstAtMs - billingPeriodMs && one.blockAtMs < window.countedUntilMs,
  );
  const spilled = counted.reduce((sum, [, one]) => sum + one.spilled, 0);
  const all = counted.reduce((sum, [block]) => sum + spilledAt(row.member.chain, block, 0), 0);
  // A stated share is kept there, and worked out there.
  const atQuantile = row.spec.spillTarget.kind === 'spilloverRatioMax' ? ' at the quantile to be ready for' : '';
  return [
    `${event}: ${rounded(decided.requestsPerSecond)} requests/s expected in the busiest five minutes`,
    `; its window costs $${usd.toFixed(2)} and saves $${worthUsd.toFixed(2)}`,
    all > 0
      ? `, and ${rounded((100 * spilled) / all)} % of requests spill until half an hour after it${atQuantile}`
      : '',
    cell.cutBy ? `; ${cell.wanted} cut to ${cell.level} by ${cell.cutBy}.` : '.',
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
  if (cell.level > spec.concurrencyFloor) {
    const cutShort = cell.cutBy ? `; cut to ${cell.level} by ${cell.cutBy}` : '';
    return `Kept after an event: ${cell.wanted} are busy enough to cost less than on demand${cutShort}.`;
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
