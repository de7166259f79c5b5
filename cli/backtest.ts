/** `backtest`: how good the forecasts would have been, against the built-in baselines. */
import { createVenue } from '../calendar/venue.ts';
import { createWriteStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import { InputError } from '../core/errors.ts';
import { formatInstant } from '../core/time.ts';
import { endOf } from '../core/volume-series.ts';
import { chooseWindows, parseWindows, type BacktestWindow } from '../forecaster/backtest-windows.ts';
import { leadMs, runBacktest, windowMs, type BacktestResult } from '../forecaster/backtest.ts';
import { concerning } from '../forecaster/forecaster.ts';
import { defaultModelName, models } from '../models/index.ts';
import { instantFlag } from './flags.ts';
import { levelsDefault, levelsFlag, needed, readHistory } from './history.ts';
import { clearProgress, drawProgress } from './progress.ts';
import { parseFlags, printJson, type Terminal, type Verb } from './verb.ts';

const classNames = ['event', 'open', 'quiet'];
const seed = 7;

export const backtestVerb: Verb = {
  name: 'backtest',
  summary: 'forecasts the past, and scores it against the built-in baselines',
  usage: `
foreshock backtest --history F --calendar F --from T --to T [--symbol S] [--windows event,open,quiet]
                   [--windows-file F] [--levels ${levelsDefault}] [--venue XNYS] [--out F.csv] [--json]

Each window is half an hour, forecast half an hour before it starts from what had ended by then.

  --history F       CSV or CSV.gz with the columns ts,volume; or a function's folder, as history import keeps it
  --calendar F      CSV with the columns ts,kind,title,importance,symbol,source; or YAML, or iCalendar
  --from T, --to T  windows that start in [from, to)
  --symbol S        events that name symbols count only if they name this one
  --windows …       which classes to choose: events, opening bells, quiet half hours (default: all)
  --windows-file F  CSV window_start,class: these windows, and no choice
  --venue V         whose clock demand follows: XNYS (the default), XNAS, or a time zone such as Europe/Paris
  --out F           writes the forecasts as CSV: window_start,bucket_ts,level,value

The score is pinball loss summed over the levels, over the windows' usual volume; "ratio" is that of foreshock over the best baseline's.
`,
  async run(args, terminal) {
    const { values: flags } = parseFlags(args, {
      history: { type: 'string' },
      calendar: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      symbol: { type: 'string' },
      windows: { type: 'string', default: classNames.join(',') },
      'windows-file': { type: 'string' },
      levels: { type: 'string', default: levelsDefault },
      venue: { type: 'string', default: 'XNYS' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    const windowsFile = flags['windows-file'];
    const fromMs =
      flags.from === undefined && windowsFile !== undefined
        ? -Infinity
        : instantFlag('--from', needed('--from', flags.from));
    const untilMs =
      flags.to === undefined && windowsFile !== undefined ? Infinity : instantFlag('--to', needed('--to', flags.to));
    if (untilMs <= fromMs) throw new InputError('usage', '--to must be later than --from');
    const classes = classesOf(flags.windows);
    const levels = levelsFlag(flags.levels);
    const venue = createVenue(flags.venue);
    const symbols = flags.symbol === undefined ? [] : [flags.symbol];
    const chosen = windowsFile === undefined ? undefined : await readWindows(windowsFile);
    const { series, events } = await readHistory({
      history: needed('--history', flags.history),
      calendar: needed('--calendar', flags.calendar),
      untilMs: untilMs + windowMs,
      signal: terminal.signal,
    });
    const span = { fromMs: series.fromMs, untilMs: endOf(series) };
    const candidates =
      chosen?.filter(({ startsAtMs }) => startsAtMs >= fromMs && startsAtMs < untilMs) ??
      chooseWindows({
        series,
        events: concerning(events, symbols, span),
        clock: venue,
        opensAtMs: venue
          .sessionEvents(Math.max(fromMs, span.fromMs), Math.min(untilMs, span.untilMs))
          .flatMap(({ kind, startsAtMs }) => (kind === 'open' ? [startsAtMs] : [])),
        fromMs,
        untilMs,
        classes,
        seed,
      });
    const windows = candidates.filter(
      ({ startsAtMs }) =>
        startsAtMs % series.stepMs === 0 && startsAtMs - leadMs > span.fromMs && startsAtMs < span.untilMs,
    );
    if (windows.length === 0)
      throw new InputError('backtest-windows', 'no window lies inside the history; check --from, --to and the files');
    const result = runBacktest({
      series,
      events,
      symbols,
      clock: venue,
      windows,
      levels,
      models,
      onProgress: progressOn(terminal),
    });
    if (flags.out !== undefined) await writeForecasts(flags.out, result);
    const outside = candidates.length - windows.length;
    if (flags.json) printJson(terminal, { ...summarise(result), windowsOutsideHistory: outside, levels });
    else terminal.out(render(result, outside));
    return 0;
  },
};

function classesOf(text: string): string[] {
  const classes = text.split(',');
  const unknown = classes.find((name) => !classNames.includes(name));
  if (unknown !== undefined)
    throw new InputError('usage', `--windows ${text}: "${unknown}" is none of ${classNames.join(', ')}`);
  return classes;
}

async function readWindows(path: string): Promise<BacktestWindow[]> {
  try {
    return parseWindows(await readFile(path, 'utf8'), path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      'windows-file',
      `${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
      { cause: error },
    );
  }
}

function progressOn(terminal: Terminal): (doneCount: number, windowCount: number) => void {
  return (doneCount, windowCount) => {
    terminal.signal.throwIfAborted();
    if (doneCount + 1 === windowCount) clearProgress(terminal);
    else drawProgress(terminal, `window ${doneCount + 1} of ${windowCount}`);
  };
}

async function writeForecasts(path: string, { forecasts }: BacktestResult): Promise<void> {
  const file = createWriteStream(path);
  file.write('window_start,bucket_ts,level,value\n');
  const written = new Set<number>();
  for (const { window, model, path: quantiles } of forecasts) {
    if (model !== defaultModelName || written.has(window.startsAtMs)) continue;
    written.add(window.startsAtMs);
    const rows = quantiles.requestCount.flatMap((values, step) =>
      values.map((value, index) =>
        [
          formatInstant(window.startsAtMs),
          formatInstant(quantiles.fromMs + step * quantiles.stepMs),
          quantiles.levels[index],
          value,
        ].join(','),
      ),
    );
    file.write(`${rows.join('\n')}\n`);
  }
  file.end();
  try {
    await finished(file);
  } catch (error) {
    throw new InputError(
      'out-file',
      `${path}: cannot be written (${(error as NodeJS.ErrnoException).code ?? 'error'})`,
      { cause: error },
    );
  }
}

function summarise({ classes, notReady }: BacktestResult): object {
  return {
    model: models[defaultModelName].version,
    classes: classes.map((score) => ({ ...score, ratio: ratioOf(score) })),
    notReady,
  };
}

/** Pinball loss of our model over the best baseline's. */
function ratioOf({ models: scores }: BacktestResult['classes'][number]): number | null {
  const own = scores.find(({ model }) => model === defaultModelName);
  const best = Math.min(...scores.filter(({ model }) => model !== defaultModelName).map(({ pinball }) => pinball));
  return own && Number.isFinite(best) ? own.pinball / best : null;
}

function render(result: BacktestResult, outside: number): string {
  const rows = [['class', 'windows', 'model', 'pinball', 'coverage95', 'peak95', 'ratio']];
  for (const score of result.classes) {
    for (const { model, pinball, coverage95, peakCoverage95 } of score.models) {
      const ratio = model === defaultModelName ? (ratioOf(score)?.toFixed(3) ?? '') : '';
      const shown = (share: number | null): string => share?.toFixed(3) ?? '-';
      rows.push([
        score.class,
        String(score.windowCount),
        model,
        pinball.toFixed(3),
        shown(coverage95),
        shown(peakCoverage95),
        ratio,
      ]);
    }
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((word, column) =>
        column === 0 || column === 2 ? word.padEnd(widths[column]!) : word.padStart(widths[column]!),
      )
      .join('  ')
      .trimEnd(),
  );
  for (const { model, windowCount, reason } of result.notReady)
    lines.push(`${model}: no forecast for ${windowCount} windows (${reason})`);
  if (outside > 0) lines.push(`${outside} windows lie outside the history or off its grid, and were left out`);
  return `${lines.join('\n')}\n`;
}
