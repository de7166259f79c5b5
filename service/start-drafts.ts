/** What a run writes down first: by which release, configuration, calendar and histories it decides. */
import type { AuditDraft } from '../core/audit.ts';
import type { Position } from '../core/ports.ts';
import { formatInstant, type EpochMs } from '../core/time.ts';
import { endOf } from '../core/volume-series.ts';
import type { RecordedHashes } from './recorded-options.ts';
import type { SystemOptions } from './system-options.ts';

export function startDrafts(
  options: SystemOptions,
  {
    nowMs,
    position,
    isRecovered,
    recorded,
    snapshotSha256,
    tickHash,
  }: {
    readonly nowMs: EpochMs;
    readonly position: Position;
    readonly isRecovered: boolean;
    readonly recorded: RecordedHashes;
    readonly snapshotSha256: string;
    /** Of the last tick before: the first of this run is chained to it, so that facts which are gone are missed. */
    readonly tickHash: string;
  },
): AuditDraft[] {
  const draft = (kind: AuditDraft['kind'], body: AuditDraft['body']): AuditDraft => ({
    atMs: nowMs,
    kind,
    actor: 'service',
    body,
  });
  const { calendar } = options;
  const histories = new Map(options.functions.map(({ history }) => [history.name, history.history]));
  return [
    draft('service.started', {
      release: options.release,
      simulated: options.simulated,
      position,
      snapshotSha256,
      tickHash,
      because: isRecovered ? 'started on what an earlier run left' : 'started on an empty store',
    }),
    draft('config.loaded', {
      sha256: options.configSha256,
      optionsSha256: recorded.optionsSha256,
      functions: options.functions.map(({ spec }) => ({ function: spec.key, mode: spec.mode })),
      limits: { ...options.limits },
      because: `${options.functions.length} functions`,
    }),
    draft('calendar.loaded', {
      name: calendar.name,
      version: calendar.version,
      eventCount: calendar.events.length,
      because: `${calendar.events.length} events`,
    }),
    ...[...histories].map(([name, { series, sha256, rowCount, badRowCount }]) =>
      draft('history.loaded', {
        name,
        sha256,
        seriesSha256: recorded.seriesSha256.get(name)!,
        rowCount,
        badRowCount,
        fromMs: series.fromMs,
        stepMs: series.stepMs,
        bucketCount: series.values.length,
        because: `${rowCount} rows from ${formatInstant(series.fromMs)} to ${formatInstant(endOf(series))}`,
      }),
    ),
  ];
}
