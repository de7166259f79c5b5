/** What a demo says to people: the line that moves, and the card at the end. */
import { formatInstant, msPerMinute, msPerSecond } from '../core/time.ts';
import type { FunctionStatus, IncidentView, Measured, Scorecard } from '../service/view.ts';
import type { Demo } from '../simulation/world/demo.ts';
import type { World } from '../simulation/world/world.ts';
import { widthOf } from './progress.ts';
import { formatTable } from './table.ts';

const shortName = (functionKey: string): string => functionKey.split('/').at(-1)!.split(':')[0]!;

/**
 * Clock, next event, what is being warmed, READY or not, spillover, dollars: the fullest form that fits in `width` characters.
 * The narrowest has the functions as one, and is 74 characters on a day that is usual.
 */
export function progressLine(
  world: World,
  { functionKeys, pager }: Pick<Demo, 'functionKeys' | 'pager'>,
  { hasColour, width }: { readonly hasColour: boolean; readonly width: number },
): string {
  const { nowMs, nextEvent, functions } = world.system.view.status();
  const clock = `${formatInstant(nowMs || world.nowMs()).slice(11, 19)}Z`;
  const name = nextEvent?.id.split('@')[0] ?? '';
  const leftMs = nextEvent ? nextEvent.startsAtMs - nowMs : 0;
  const measured = functionKeys.map((key) => world.measured(key));
  const total = (side: 'with' | 'without', field: 'requests' | 'spillover' | 'coldStarts' | 'provisionedUsd'): number =>
    measured.reduce((sum, one) => sum + one[side][field], 0);
  const spill = `spill ${((100 * total('with', 'spillover')) / Math.max(1, total('with', 'requests'))).toFixed(2)} %`;
  const cold = `cold ${total('with', 'coldStarts')}`;
  const without = `(without ${total('without', 'coldStarts')})`;
  const usd = `$${total('with', 'provisionedUsd').toFixed(2)}`;
  const next = nextEvent ? `${name} in ${countdown(leftMs)}` : 'no event ahead';
  const nextShort = nextEvent ? `${name.split(':')[0]!} in ${Math.ceil(leftMs / msPerMinute)} min` : next;
  const each = functions.map((one) => stateText(one, { name: shortName(one.function), hasColour })).join('  ');
  const all = stateText(together(functions), { name: 'warm', hasColour });
  const trouble = world.system.view.incidents().open.find(({ kind }) => kind === 'trouble');
  const isPaged = pager.alerts().some(({ resolvedAtMs }) => resolvedAtMs === undefined);
  const seen = trouble && troubleText(trouble, { isPaged, hasColour });
  const forms = [
    [clock, seen ?? next, each, spill, `${cold} ${without}`, usd].join(' | '),
    [clock, seen ?? next, all, spill, `${cold} ${without}`, usd].join(' | '),
    [clock, seen ?? nextShort, all, spill, usd, cold].join('  '),
  ];
  return forms.find((form) => widthOf(form) <= width) ?? forms.at(-1)!;
}

/** `TROUBLE positions: 27 % harmed, paged`: what is called, where trouble begins on a call. */
function troubleText(
  { origin, harmedRatio }: IncidentView,
  { isPaged, hasColour }: { readonly isPaged: boolean; readonly hasColour: boolean },
): string {
  const paged = isPaged ? ', paged' : '';
  const text = `TROUBLE ${shortName(origin)}: ${Math.round(100 * (harmedRatio ?? 0))} % harmed${paged}`;
  return hasColour ? `\u001b[31m${text}\u001b[0m` : text;
}

type Warmth = Pick<FunctionStatus, 'state' | 'concurrencyWanted' | 'concurrencyReady'>;

/** All functions as one: READY when each that wants to be warm is. */
function together(functions: readonly FunctionStatus[]): Warmth {
  const wanting = functions.filter((one) => one.concurrencyWanted > 0 || one.concurrencyReady > 0);
  const behind = wanting.find(({ state }) => isTrouble(state)) ?? wanting.find(({ state }) => state !== 'ready');
  return {
    state: behind?.state ?? 'ready',
    concurrencyWanted: wanting.reduce((sum, one) => sum + one.concurrencyWanted, 0),
    concurrencyReady: wanting.reduce((sum, one) => sum + one.concurrencyReady, 0),
  };
}

function isTrouble(state: FunctionStatus['state']): boolean {
  return state === 'failed' || state === 'lost' || state === 'cannot-verify';
}

function stateText(
  { state, concurrencyWanted, concurrencyReady }: Warmth,
  { name, hasColour }: { readonly name: string; readonly hasColour: boolean },
): string {
  if (concurrencyWanted === 0 && concurrencyReady === 0) return `${name} –`;
  const text = `${name} ${concurrencyReady}/${concurrencyWanted} ${state === 'ready' ? 'READY' : state}`;
  if (!hasColour) return text;
  const colour = state === 'ready' ? 32 : isTrouble(state) ? 31 : 33;
  return `\u001b[${colour}m${text}\u001b[0m`;
}

function countdown(lengthMs: number): string {
  const minutes = Math.floor(lengthMs / msPerMinute);
  const seconds = Math.floor((lengthMs % msPerMinute) / msPerSecond);
  return minutes >= 60
    ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
    : `${minutes} min ${String(seconds).padStart(2, '0')} s`;
}

/** The end of the story, in a table that a person reads. */
export function formatScorecard(title: string, scorecard: Scorecard, storeFile: string): string {
  const lines = [
    title,
    '',
    formatTable(
      columnsOf(
        'function',
        'requests',
        'cold starts',
        'without',
        'throttles',
        'without',
        'p99 ms',
        'without',
        'spill %',
        'warm $',
        'all $',
        'without',
      ),
      scorecard.functions.map((one) => measuredRow(shortName(one.function), one.with!, one.without!)),
    ),
    '',
    formatTable(
      columnsOf('pre-warm', 'event', 'at', 'warm', 'bound by', 'READY', 'cold starts', 'without'),
      scorecard.functions.flatMap((one) =>
        one.prewarms.map((prewarm) => {
          const window = one.eventWindows.find(({ eventId }) => eventId === prewarm.eventId);
          return [
            shortName(one.function),
            prewarm.eventId.split('@')[0]!,
            formatInstant(prewarm.eventAtMs).slice(11, 16),
            String(prewarm.concurrency),
            prewarm.bindingLimit,
            prewarm.minutesEarly === null ? 'not in time' : `${prewarm.minutesEarly.toFixed(1)} min early`,
            window ? String(window.with.coldStarts) : '–',
            window ? String(window.without.coldStarts) : '–',
          ];
        }),
      ),
    ),
    '',
    ...faultLines(scorecard),
    `incidents ${scorecard.incidents} (${scorecard.falseIncidents} false), pages ${scorecard.pages}, escalations ${scorecard.escalations}; audit: ${scorecard.audit.events} events, ${scorecard.audit.verified ? 'verified' : 'NOT VERIFIED'}`,
    `why: npx foreshock audit show --store ${storeFile} --kind plan.decided`,
  ];
  return `${lines.join('\n')}\n`;
}

/** What was broken on purpose, and when it was seen. */
function faultLines({ fault }: Scorecard): readonly string[] {
  const { firstBadSpanAtMs, findingAtMs, incidentAtMs, breakerOpenAtMs, pageAtMs, recoveredAtMs } = fault;
  const { breakerClosedAtMs, resolvedAtMs, harmed } = fault;
  if (firstBadSpanAtMs === null) return [];
  const after = (atMs: number | null): string =>
    atMs === null ? 'never' : `${((atMs - firstBadSpanAtMs) / msPerSecond).toFixed(1)} s later`;
  return [
    `fault: first request harmed at ${formatInstant(firstBadSpanAtMs).slice(11, 19)}Z; finding ${after(findingAtMs)}, incident ${after(incidentAtMs)}, breaker open ${after(breakerOpenAtMs)}, page ${after(pageAtMs)}`,
    `requests recovered ${after(recoveredAtMs)}, breaker closed ${after(breakerClosedAtMs)}, incident resolved ${after(resolvedAtMs)}`,
    ...(harmed ? [`requests harmed: ${harmed.with}, without Foreshock ${harmed.without}`] : []),
    'what: npx foreshock audit show --kind incident.opened, with the store below',
    '',
  ];
}

function measuredRow(name: string, yes: Measured, no: Measured): string[] {
  const ms = (value: number | null): string => (value === null ? '–' : value.toFixed(0));
  return [
    name,
    String(yes.requests),
    String(yes.coldStarts),
    String(no.coldStarts),
    String(yes.throttles),
    String(no.throttles),
    ms(yes.durationMsP99),
    ms(no.durationMsP99),
    ((100 * yes.spillover) / Math.max(1, yes.requests)).toFixed(2),
    yes.provisionedUsd.toFixed(2),
    yes.totalUsd.toFixed(2),
    no.totalUsd.toFixed(2),
  ];
}

/** The name to the left, the figures to the right. */
function columnsOf(first: string, ...others: readonly string[]) {
  return [{ title: first }, ...others.map((title) => ({ title, isNumber: true }))];
}
