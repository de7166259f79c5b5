/** Pictures as SVG, without a library: what each policy held in one window, and what warmth costs each of them. */
import { formatInstant, msPerMinute, type EpochMs } from '../../core/time.ts';
import type { MinuteView } from './simulate.ts';

const width = 860;
const panelHeight = 150;
const margin = { left: 64, right: 16, top: 40, bottom: 28 };
const colours = ['#1f6feb', '#d1242f', '#1a7f37', '#8250df', '#bf8700', '#0a7ea4', '#57606a', '#bc4c00'];

/** A line of points that hold until the next one; those that change nothing are left out, but for the last. */
function stepPath(points: readonly (readonly [x: number, y: number])[]): string {
  return points
    .filter(([, y], index) => index === points.length - 1 || y !== points[index - 1]?.[1])
    .map(([x, y], index) => (index === 0 ? `M${cut(x)} ${cut(y)}` : `H${cut(x)}V${cut(y)}`))
    .join('');
}

const cut = (value: number): string => String(Math.round(value * 10) / 10);

/** Names come from the command line. */
function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function svg(height: number, title: string, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${margin.left}" y="22" font-size="14">${escaped(title)}</text>`,
    ...body,
    '</svg>\n',
  ].join('\n');
}

/**
 * A panel for each policy: requests that run at once (grey), provisioned concurrency that is READY (blue), and the part of demand that it does
 * not take (red), over the judged half hours (shaded) and around them. `runSeconds`: mean duration of a request.
 */
export function plotWindow(views: readonly MinuteView[], { runSeconds }: { readonly runSeconds: number }): string {
  const policies = [...new Set(views.map(({ policy }) => policy))];
  const loadOf = (count: number): number => (count / 60) * runSeconds;
  const top =
    1.05 * Math.max(1, ...views.map(({ allocated, arrivalCount }) => Math.max(allocated, loadOf(arrivalCount))));
  const fromMs = Math.min(...views.map(({ atMs }) => atMs));
  const untilMs = Math.max(...views.map(({ atMs }) => atMs)) + msPerMinute;
  const x = (atMs: EpochMs): number =>
    margin.left + ((atMs - fromMs) / (untilMs - fromMs)) * (width - margin.left - margin.right);
  const panels = policies.map((policy, index) => {
    const own = views.filter((view) => view.policy === policy);
    const floor = margin.top + (index + 1) * panelHeight - 14;
    const y = (level: number): number => floor - (level / top) * (panelHeight - 34);
    const line = (valueOf: (view: MinuteView) => number): string =>
      stepPath([
        ...own.map((view) => [x(view.atMs), y(valueOf(view))] as const),
        [x(untilMs), y(valueOf(own.at(-1)!))],
      ]);
    const area = (valueOf: (view: MinuteView) => number): string => `${line(valueOf)}V${cut(floor)}H${cut(x(fromMs))}Z`;
    const judged = own.filter(({ phase }) => phase === 'window');
    const arrivals = judged.reduce((sum, { arrivalCount }) => sum + arrivalCount, 0);
    const overflow = judged.reduce((sum, { overflowCount }) => sum + overflowCount, 0);
    const share = arrivals > 0 ? (100 * overflow) / arrivals : 0;
    return [
      `<path d="${area(({ phase }) => (phase === 'window' ? top : 0))}" fill="#f6f8fa"/>`,
      `<path d="${area(({ arrivalCount }) => loadOf(arrivalCount))}" fill="#c9d1d9"/>`,
      `<path d="${area(({ overflowCount }) => loadOf(overflowCount))}" fill="#d1242f"/>`,
      `<path d="${line(({ allocated }) => allocated)}" fill="none" stroke="#1f6feb" stroke-width="1.5"/>`,
      `<text x="${margin.left}" y="${cut(y(top) - 4)}">${escaped(policy)}: ${share.toFixed(2)} % of what comes in windows overflows</text>`,
      `<text x="${margin.left - 6}" y="${cut(y(top) + 10)}" text-anchor="end">${Math.round(top)}</text>`,
      `<text x="${margin.left - 6}" y="${cut(floor)}" text-anchor="end">0</text>`,
    ].join('\n');
  });
  const height = margin.top + policies.length * panelHeight + margin.bottom;
  const ticks: string[] = [];
  for (let atMs = Math.ceil(fromMs / (15 * msPerMinute)) * 15 * msPerMinute; atMs <= untilMs; atMs += 15 * msPerMinute)
    ticks.push(
      `<text x="${cut(x(atMs))}" y="${height - 12}" text-anchor="middle">${formatInstant(atMs).slice(11, 16)}</text>`,
    );
  const title = `${formatInstant(fromMs).slice(0, 10)}, UTC: demand (grey), READY (blue), overflow (red), in concurrency`;
  return svg(height, title, [...panels, ...ticks]);
}

export interface FrontierLine {
  readonly name: string;
  /** Overflow in [0, 1], dollars over the oracle's at the same overflow. */
  readonly points: readonly { readonly overflowRatio: number; readonly usdPerOracle: number }[];
}

/** Overflow across, on a logarithmic scale; dollars over the oracle's up. */
export function plotFrontier(lines: readonly FrontierLine[], title: string): string {
  const points = lines.flatMap((line) => line.points);
  const height = 420;
  const left = Math.min(0.001, ...points.map(({ overflowRatio }) => overflowRatio));
  const right = Math.max(0.02, ...points.map(({ overflowRatio }) => overflowRatio));
  const top = 1.1 * Math.max(2, ...points.map(({ usdPerOracle }) => usdPerOracle));
  const x = (ratio: number): number =>
    margin.left + (Math.log(ratio / left) / Math.log(right / left)) * (width - margin.left - 190);
  const y = (ratio: number): number => height - 48 - (ratio / top) * (height - 48 - margin.top);
  const axis = [...new Set(points.map(({ overflowRatio }) => overflowRatio))].map(
    (ratio) =>
      `<text x="${cut(x(ratio))}" y="${height - 28}" text-anchor="middle">${Number((100 * ratio).toPrecision(2))} %</text>`,
  );
  const levels = Array.from({ length: Math.floor(top) }, (_, index) => index + 1).map(
    (level) =>
      `<path d="M${margin.left} ${cut(y(level))}H${width - 190}" stroke="#d0d7de"/><text x="${margin.left - 6}" y="${cut(y(level) + 4)}" text-anchor="end">${level}</text>`,
  );
  const drawn = lines.flatMap(({ name, points: own }, index) => {
    const last = own.at(-1);
    if (!last) return [];
    const colour = colours[index % colours.length]!;
    const path = own.map(
      (point, at) => `${at === 0 ? 'M' : 'L'}${cut(x(point.overflowRatio))} ${cut(y(point.usdPerOracle))}`,
    );
    return [
      `<path d="${path.join('')}" fill="none" stroke="${colour}" stroke-width="2"/>`,
      `<text x="${cut(x(last.overflowRatio) + 6)}" y="${cut(y(last.usdPerOracle) + 4)}" fill="${colour}">${escaped(name)}</text>`,
    ];
  });
  return svg(height, title, [...levels, ...axis, ...drawn]);
}
