/** What is not planned although somebody may expect it, and why. */
import type { NotPlanned } from '../core/capacity.ts';
import { formatInstant, msPerDay, msPerHour } from '../core/time.ts';
import { netUsd } from './worth/chain.ts';
import type { EventWindow } from './event-window.ts';
import { concerns, isPlannable } from './plan-row.ts';
import type { PlanInput, PlannedFunction } from './planner.ts';
import type { Cell, Row } from './row.ts';

export function undatedEvents(input: PlanInput): NotPlanned[] {
  return input.events
    .filter((event) => event.precision === 'date' && isPlannable(event, input.policy))
    .filter((event) => event.startsAtMs < input.untilMs && event.startsAtMs + msPerDay > input.nowMs)
    .map((event) => ({ eventId: event.id, because: 'only its day is known; give its minute' }));
}

/** A group that no function is of is a slip of the keyboard, and what was expected would be warmed for nowhere. */
export function groupless(input: PlanInput): NotPlanned[] {
  const groups = new Set(input.functions.map(({ spec }) => spec.group));
  return input.events
    .filter((event) => event.expect !== undefined && event.status === 'scheduled' && !groups.has(event.expect.group))
    .filter((event) => event.startsAtMs < input.untilMs && event.startsAtMs + msPerHour > input.nowMs)
    .map((event) => ({ eventId: event.id, because: `no function is of the group ${event.expect!.group}` }));
}

export function unforeseenOf(planned: PlannedFunction, input: PlanInput): NotPlanned[] {
  const { spec, forecast } = planned;
  if ('notReady' in forecast) return [{ key: spec.key, because: `no forecast: ${forecast.notReady}` }];
  const endMs = forecast.fromMs + forecast.requestCount.length * forecast.stepMs;
  return input.events
    .filter((event) => concerns(event, planned, input.policy))
    .filter((event) => event.startsAtMs >= endMs && event.startsAtMs < input.untilMs)
    .map((event) => ({
      key: spec.key,
      eventId: event.id,
      because: `the forecast ends at ${formatInstant(endMs)}, before it`,
    }));
}

/** Windows of which nothing is held above the floor: because a limit took it, or because it would not pay. */
export function refusedOf(row: Row, cells: readonly Cell[]): NotPlanned[] {
  const windows = new Set(row.windowAt.flatMap((window) => window ?? []));
  return [...windows]
    .filter((window) => !cells.some((cell) => cell.window === window))
    .map((window) => {
      const { spec } = row;
      const blocks = [...cells.keys()].filter((block) => row.windowAt[block] === window);
      const cut = cells.find(({ cutBy }, block) => cutBy !== undefined && row.windowAt[block] === window);
      const because = cut
        ? `wanted ${cut.wanted}, and ${cut.cutBy!} leaves nothing above the floor of ${spec.concurrencyFloor}`
        : tellUnpaid(row, window, blocks);
      return { key: spec.key, eventId: window.group.principal.id, because };
    });
}

function tellUnpaid({ spec, member, usdPerBlock }: Row, window: EventWindow, blocks: readonly number[]): string {
  const { chain, usdPerSpill } = member;
  const floor = spec.concurrencyFloor;
  if (blocks.every((block) => chain.usdSaved[block]!.length <= floor && chain.spillAvoided[block]!.length <= floor)) {
    return `a floor of ${floor} covers it`;
  }
  // The best that one environment does: from its raise to wherever it ends.
  let [usd, best, count] = [0, -Infinity, 0];
  for (const [index, block] of blocks.entries()) {
    usd += netUsd(chain, usdPerSpill, block, floor) + usdPerBlock;
    if (usd - (index + 1) * usdPerBlock > best) [best, count] = [usd - (index + 1) * usdPerBlock, index + 1];
  }
  const price = count * usdPerBlock;
  const about = `one environment above the floor of ${floor} would save ${dollars(best + price)} and cost ${dollars(price)}`;
  return `not worth it: ${about} from ${formatInstant(window.askMs)} on`;
}

function dollars(usd: number): string {
  return `$${usd.toFixed(usd < 0.1 ? 4 : 2)}`;
}
