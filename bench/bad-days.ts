/**
 * What goes wrong around an event, and what became of it beside the same day without Foreshock: the days and scripts are simulation/world/bad-days.ts.
 */
import { parseArgs } from 'node:util';
import { badDays } from '../simulation/world/bad-days.ts';
import { harmedOf, playBadDay, type BadDayReport, type FunctionReport } from '../simulation/world/bad-day-report.ts';

/** `--seed S`; `--day NAME`, as often as wanted: all where absent; `--json`. Exit 1 where something did not hold that must. */
export async function run(args: readonly string[]): Promise<void> {
  const { values: flags } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: 'rehearsal' },
      day: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
  });
  const unknown = flags.day.find((name) => !badDays.some((one) => one.name === name));
  if (unknown !== undefined) {
    process.stderr.write(`bench: there is no day "${unknown}": ${badDays.map(({ name }) => name).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const reports: BadDayReport[] = [];
  for (const badDay of badDays) {
    if (flags.day.length > 0 && !flags.day.includes(badDay.name)) continue;
    const { day, report } = await playBadDay(badDay, flags.seed);
    await day.world.close();
    reports.push(report);
    if (!flags.json) process.stdout.write(`${describe(report).join('\n')}\n\n`);
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ seed: flags.seed, days: reports })}\n`);
  else process.stdout.write(`${summary(reports, flags.seed).join('\n')}\n`);
  if (reports.some(({ breaches }) => breaches.length > 0)) process.exitCode = 1;
}

function describe({ name, what, functions, fired, bookings, incidents, prewarms, ...rest }: BadDayReport): string[] {
  return [
    `${name}: ${what}`,
    ...functions.flatMap(describeFunction),
    `  booked ${bookings.bookCount}, taken back ${bookings.cancelCount}, listed ${bookings.listCount}`,
    ...fired.map((one) => `  AWS of itself at ${instant(one.minute)}: ${one.what}, answered ${one.status}`),
    ...incidents.map(
      ({ minute, closedMinute, function: subject, incident, because }) =>
        `  incident ${instant(minute)} to ${closedMinute === null ? 'the end' : instant(closedMinute)}: ${subject} ${incident}: ${because}`,
    ),
    ...prewarms.map(({ minute, function: subject, turn }) => `  ${instant(minute)} prewarm.${turn} ${subject}`),
    ...(rest.leftBookedCount === 0 ? [] : [`  left booked: ${rest.leftBookedCount}`]),
    ...rest.breaches.map((breach) => `  BROKEN: ${breach}`),
  ];
}

function describeFunction(one: FunctionReport): string[] {
  const levels = one.levels.map(({ minute, level }) => `${level} at ${instant(minute)}`).join(', ') || 'nothing';
  const bounds = one.bounds.map((moved) => `${moved.bounds} at ${instant(moved.minute)}`).join(', ');
  const got = (side: 'with' | 'without'): string => {
    const { provisionedUsd, totalUsd, coldStarts, throttles, spillover } = one[side];
    const usd = `$${provisionedUsd.toFixed(3)} provisioned ($${totalUsd.toFixed(3)} in all)`;
    return `${usd}, ${coldStarts} cold starts, ${throttles} throttles, ${spillover} spilled`;
  };
  return [
    `  ${one.function}: asked for ${levels}${bounds && `; bounds ${bounds}`}; ${one.lookCount} calls to look`,
    `    READY ${minutes(one.readyMinutes)} before the event, by Foreshock's word ${minutes(one.readyMinutesClaimed)}; promised ${one.promised ?? 'nothing'}`,
    ...(one.heldBackBy.length === 0 ? [] : [`    held back by ${one.heldBackBy.join(', ')}`]),
    `    with    ${got('with')}`,
    `    without ${got('without')}`,
    ...(one.leftConcurrency === 0 ? [] : [`    left over: ${one.leftConcurrency}`]),
  ];
}

function summary(reports: readonly BadDayReport[], seed: string): string[] {
  const sum = (report: BadDayReport, of: (one: FunctionReport) => number): number =>
    report.functions.reduce((total, one) => total + of(one), 0);
  const rows = reports.map((report) => [
    report.name,
    report.functions.map(({ readyMinutes }) => readyMinutes?.toFixed(1) ?? '-').join(' '),
    `${sum(report, (one) => harmedOf(one.with))} / ${sum(report, (one) => harmedOf(one.without))}`,
    `${sum(report, (one) => one.with.spillover)} / ${sum(report, (one) => one.without.spillover)}`,
    `${sum(report, (one) => one.with.provisionedUsd).toFixed(2)} / ${sum(report, (one) => one.without.provisionedUsd).toFixed(2)}`,
    `${sum(report, (one) => Math.abs(one.leftConcurrency)) + report.leftBookedCount}`,
    [...new Set(report.incidents.map(({ incident, minute }) => `${incident} ${instant(minute)}`))].join(', ') || '-',
  ]);
  return [
    `seed ${seed}, Node ${process.versions.node}; two functions, one event; with / without Foreshock in the half hour from it, dollars of the whole day`,
    '',
    '| day | READY min before | cold starts and throttles | spilled | provisioned $ | left | incidents |',
    '|---|---|---|---|---|---|---|',
    ...rows.map((cells) => `| ${cells.join(' | ')} |`),
  ];
}

function instant(minute: number): string {
  return `T${minute < 0 ? '-' : '+'}${Math.abs(minute).toFixed(1)}`;
}

function minutes(count: number | null): string {
  return count === null ? 'not' : `${count.toFixed(1)} min`;
}
