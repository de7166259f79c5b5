/** The calibration plot of the spill bench: share of requests that spilled, foretold against counted, both logarithmic. */
import type { Compared } from './spill.ts';

const side = 560;
const margin = 64;
const decades = { from: -4, to: 0 };
const colours: Readonly<Record<Compared['kind'], string>> = {
  fixed: '#0072b2',
  exponential: '#009e73',
  'log-normal': '#e69f00',
  'heavy-tailed': '#cc3311',
};

export function renderCalibration(compared: readonly Compared[]): string {
  const place = (ratio: number): number =>
    ((Math.min(decades.to, Math.max(decades.from, Math.log10(ratio))) - decades.from) / (decades.to - decades.from)) *
    side;
  const x = (ratio: number): string => (margin + place(ratio)).toFixed(1);
  const y = (ratio: number): string => (margin + side - place(ratio)).toFixed(1);
  const line = (from: readonly [number, number], to: readonly [number, number], style: string): string =>
    `<line x1="${x(from[0])}" y1="${y(from[1])}" x2="${x(to[0])}" y2="${y(to[1])}" ${style}/>`;
  const least = 10 ** decades.from;
  const grid = Array.from({ length: decades.to - decades.from + 1 }, (_, index) => {
    const ratio = 10 ** (decades.from + index);
    const label = `${String(Number((ratio * 100).toPrecision(1)))} %`;
    return [
      line([ratio, least], [ratio, 1], 'stroke="#ddd"'),
      line([least, ratio], [1, ratio], 'stroke="#ddd"'),
      `<text x="${x(ratio)}" y="${margin + side + 18}" text-anchor="middle">${label}</text>`,
      `<text x="${margin - 8}" y="${Number(y(ratio)) + 4}" text-anchor="end">${label}</text>`,
    ].join('');
  });
  const dots = compared
    .filter(({ simulated }) => simulated > 0)
    .map(({ kind, simulated, predicted, requestCount, standardError }) => {
      const opacity = standardError <= 0.1 ? 0.6 : 0.15;
      return `<circle cx="${x(simulated / requestCount)}" cy="${y(predicted / requestCount)}" r="2.5" fill="${colours[kind]}" fill-opacity="${opacity}"/>`;
    });
  const legend = Object.entries(colours).map(
    ([kind, colour], index) =>
      `<circle cx="${margin + 16}" cy="${margin + 18 + index * 18}" r="4" fill="${colour}"/><text x="${margin + 28}" y="${margin + 22 + index * 18}">${kind}</text>`,
  );
  const whole = side + 2 * margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${whole} ${whole}" font-family="sans-serif" font-size="12">`,
    `<rect width="${whole}" height="${whole}" fill="#fff"/>`,
    ...grid,
    line([least, least], [1, 1], 'stroke="#333"'),
    line([least, 2 * least], [0.5, 1], 'stroke="#999" stroke-dasharray="4"'),
    line([2 * least, least], [1, 0.5], 'stroke="#999" stroke-dasharray="4"'),
    ...dots,
    ...legend,
    `<text x="${margin + side / 2}" y="${margin + side + 44}" text-anchor="middle">spilled requests, counted (dashed: a factor of two; faint: counted to worse than 10 %)</text>`,
    `<text transform="translate(18 ${margin + side / 2}) rotate(-90)" text-anchor="middle">spilled requests, foretold</text>`,
    '</svg>',
    '',
  ].join('\n');
}
