/** `forecast`: quantiles of the coming buckets, from a history and a calendar. */
import { createVenue } from '../calendar/venue.ts';
import { InputError } from '../core/errors.ts';
import { formatInstant } from '../core/time.ts';
import { endOf, sliceSeries } from '../core/volume-series.ts';
import { concerning } from '../forecaster/forecaster.ts';
import { defaultModelName, models } from '../models/index.ts';
import { horizonMsMax, isNotReady } from '../models/model.ts';
import { instantFlag } from './flags.ts';
import { lengthFlag, levelsDefault, levelsFlag, needed, readHistory } from './history.ts';
import { parseFlags, printJson, type Verb } from './verb.ts';

export const forecastVerb: Verb = {
  name: 'forecast',
  summary: 'forecasts the volume of the coming buckets, with quantiles',
  usage: `
foreshock forecast --history F --calendar F --at T --for 30m [--step 1m] [--levels ${levelsDefault}]
                   [--symbol S] [--venue XNYS] [--json]

  --history F   CSV or CSV.gz with the columns ts,volume; or a function's folder, as history import keeps it
  --calendar F  CSV with the columns ts,kind,title,importance,symbol,source; or YAML, or iCalendar
  --at T        the instant of the forecast; no row at or after it is read
  --for L       how far ahead, at most ${horizonMsMax / 3_600_000}h
  --step L      bucket length, a multiple of the history's (default: the history's)
  --levels …    quantile levels, ascending, between 0 and 1
  --symbol S    events that name symbols count only if they name this one
  --venue V     whose clock demand follows: XNYS (the default), XNAS, or a time zone such as Europe/Paris

Exit 1: too little history for a forecast.
`,
  async run(args, terminal) {
    const { values: flags } = parseFlags(args, {
      history: { type: 'string' },
      calendar: { type: 'string' },
      at: { type: 'string' },
      for: { type: 'string' },
      step: { type: 'string' },
      levels: { type: 'string', default: levelsDefault },
      symbol: { type: 'string' },
      venue: { type: 'string', default: 'XNYS' },
      json: { type: 'boolean', default: false },
    });
    const atMs = instantFlag('--at', needed('--at', flags.at));
    const lengthMs = lengthFlag('--for', needed('--for', flags.for));
    const levels = levelsFlag(flags.levels);
    const clock = createVenue(flags.venue);
    if (lengthMs > horizonMsMax) {
      throw new InputError(
        'usage',
        `--for ${flags.for ?? ''}: at most ${horizonMsMax / 3_600_000}h ahead can be forecast`,
      );
    }
    const { series, events } = await readHistory({
      history: needed('--history', flags.history),
      calendar: needed('--calendar', flags.calendar),
      untilMs: atMs,
      ...(flags.step !== undefined && { stepMs: lengthFlag('--step', flags.step) }),
      signal: terminal.signal,
    });
    const { stepMs } = series;
    const symbols = flags.symbol === undefined ? [] : [flags.symbol];
    // The bucket that holds T has not ended: it is the first one forecast.
    const fromMs = Math.floor(atMs / stepMs) * stepMs;
    const stepCount = Math.ceil((atMs + lengthMs - fromMs) / stepMs);
    const model = models[defaultModelName].create({ stepMs, clock });
    const seen = sliceSeries(series, series.fromMs, fromMs);
    model.learn({ volume: seen, events: concerning(events, symbols, { fromMs: seen.fromMs, untilMs: fromMs }) });
    if (endOf(seen) < fromMs) {
      const gap = new Float64Array((fromMs - endOf(seen)) / stepMs).fill(NaN);
      model.learn({ volume: { fromMs: endOf(seen), stepMs, values: gap }, events: [] });
    }
    const span = { fromMs, untilMs: fromMs + stepCount * stepMs };
    const path = model.forecast({ fromMs, stepMs, stepCount, levels, events: concerning(events, symbols, span) });
    if (isNotReady(path)) {
      if (flags.json) printJson(terminal, path);
      else terminal.out(`no forecast: ${path.notReady}\n`);
      return 1;
    }
    if (flags.json) {
      printJson(terminal, { issuedAtMs: atMs, model: models[defaultModelName].version, ...path });
    } else {
      const header = ['bucket', ...levels.map(String)];
      const rows = path.requestCount.map((quantiles, step) => [
        formatInstant(fromMs + step * stepMs),
        ...quantiles.map((volume) => volume.toFixed(volume < 100 ? 1 : 0)),
      ]);
      const widths = header.map((word, column) => Math.max(word.length, ...rows.map((row) => row[column]!.length)));
      for (const row of [header, ...rows]) {
        terminal.out(`${row.map((word, column) => word.padStart(widths[column]!)).join('  ')}\n`);
      }
    }
    return 0;
  },
};
