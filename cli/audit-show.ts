/** `audit show`: what happened, one line an event, or one event whole. */
import { auditKinds, type AuditEvent } from '../core/audit.ts';
import { InputError } from '../core/errors.ts';
import type { Store } from '../core/ports.ts';
import { formatInstant, type EpochMs } from '../core/time.ts';
import { readAuditRecord } from '../store/audit-log.ts';
import { instantFlag, numberFlag } from './flags.ts';
import { printable } from './printable.ts';
import { readStore } from './read-store.ts';
import { parseFlags, type ExitCode, type Terminal, type Verb } from './verb.ts';

const kindWidth = Math.max(...Object.keys(auditKinds).map((kind) => kind.length));
const lastCountMax = 100_000;
const reasonLengthMax = 160;

export const auditShowVerb: Verb = {
  name: 'audit show',
  summary: 'lists what was known, decided, done and answered',
  usage: `
  --store F   the store; a service may be writing to it meanwhile
  --kind K    only events of this kind; may be given again
  --from T    only events at or after this instant (ISO 8601)
  --to T      only events before this instant
  --seq N     one event, whole
  --last N    only the last N of those that fit
  --json      an array of whole events

Columns: number, time, kind, actor, the event that caused it, why. Exits 1 when a row is damaged, or there is no event --seq.

Kinds:
${Object.entries(auditKinds)
  .map(([kind, meaning]) => `  ${kind.padEnd(kindWidth)}  ${meaning}`)
  .join('\n')}`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      store: { type: 'string' },
      kind: { type: 'string', multiple: true },
      from: { type: 'string' },
      to: { type: 'string' },
      seq: { type: 'string' },
      last: { type: 'string' },
      json: { type: 'boolean' },
    });
    const choice: Choice = {
      kinds: parseKinds(values.kind),
      fromMs: values.from === undefined ? undefined : instantFlag('--from', values.from),
      untilMs: values.to === undefined ? undefined : instantFlag('--to', values.to),
      seq:
        values.seq === undefined
          ? undefined
          : numberFlag('--seq', values.seq, { min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true }),
      lastCount:
        values.last === undefined
          ? undefined
          : numberFlag('--last', values.last, { min: 1, max: lastCountMax, isWhole: true }),
    };
    const write = values.json
      ? jsonWriter(terminal)
      : choice.seq === undefined
        ? lineWriter(terminal)
        : wholeWriter(terminal);
    return readStore(values.store, (store) => show(store, choice, write, terminal));
  },
};

interface Choice {
  readonly kinds: ReadonlySet<string> | undefined;
  readonly fromMs: EpochMs | undefined;
  readonly untilMs: EpochMs | undefined;
  readonly seq: number | undefined;
  readonly lastCount: number | undefined;
}

interface Writer {
  event(event: AuditEvent): void;
  end(): void;
}

async function show(store: Store, choice: Choice, write: Writer, terminal: Terminal): Promise<ExitCode> {
  let shownCount = 0;
  let damagedCount = 0;
  let kept: AuditEvent[] = [];
  const writeOne = (event: AuditEvent): void => {
    write.event(event);
    shownCount++;
  };
  for await (const { position, bytes } of store.read(0, 'audit')) {
    if (terminal.signal.aborted) throw new InputError('interrupted', 'interrupted');
    const reading = readAuditRecord(bytes);
    if (!reading.ok) {
      damagedCount++;
      terminal.err(`foreshock audit show: row ${position} is damaged: ${reading.reason}; see foreshock audit verify\n`);
    } else if (fits(reading.event, choice)) {
      if (choice.lastCount === undefined) writeOne(reading.event);
      else kept.push(reading.event);
      if (choice.lastCount !== undefined && kept.length > 2 * choice.lastCount) kept = kept.slice(-choice.lastCount);
    }
  }
  if (choice.lastCount !== undefined) kept.slice(-choice.lastCount).forEach(writeOne);
  write.end();
  const isMissing = choice.seq !== undefined && shownCount === 0;
  if (isMissing) terminal.err(`foreshock audit show: there is no event ${choice.seq} that fits\n`);
  return damagedCount > 0 || isMissing ? 1 : 0;
}

function fits(event: AuditEvent, { kinds, fromMs, untilMs, seq }: Choice): boolean {
  return (
    (kinds?.has(event.kind) ?? true) &&
    (fromMs === undefined || event.atMs >= fromMs) &&
    (untilMs === undefined || event.atMs < untilMs) &&
    (seq === undefined || event.seq === seq)
  );
}

/** An array written an element at a time: a log may be larger than memory. */
function jsonWriter(terminal: Terminal): Writer {
  let separator = '[\n';
  return {
    event(event) {
      terminal.out(`${separator}${JSON.stringify(event)}`);
      separator = ',\n';
    },
    end: () => terminal.out(separator === '[\n' ? '[]\n' : '\n]\n'),
  };
}

function lineWriter(terminal: Terminal): Writer {
  return {
    event({ seq, atMs, kind, actor, causeSeq, body }) {
      const because = typeof body['because'] === 'string' ? body['because'] : JSON.stringify(body);
      const columns = [
        String(seq).padStart(6),
        timeOf(atMs).padEnd(24),
        printable(kind).padEnd(kindWidth),
        printable(actor).padEnd(10),
        (causeSeq === null ? '' : `<${causeSeq}`).padStart(7),
        cut(printable(because)),
      ];
      terminal.out(`${columns.join('  ').trimEnd()}\n`);
    },
    end: () => undefined,
  };
}

function wholeWriter(terminal: Terminal): Writer {
  return {
    event({ seq, atMs, kind, actor, causeSeq, body, prevHash, hash }) {
      const fields = {
        event: String(seq),
        time: timeOf(atMs),
        kind,
        actor,
        cause: causeSeq === null ? 'none' : `event ${causeSeq}`,
        hash,
        'after hash': prevHash,
      };
      for (const [name, value] of Object.entries(fields)) terminal.out(`${name.padEnd(10)}  ${printable(value)}\n`);
      terminal.out(`${JSON.stringify(body, null, 2).split('\n').map(printable).join('\n')}\n`);
    },
    end: () => undefined,
  };
}

function timeOf(atMs: EpochMs): string {
  return Math.abs(atMs) > 8.64e15 ? String(atMs) : formatInstant(atMs);
}

function cut(text: string): string {
  return text.length > reasonLengthMax ? `${text.slice(0, reasonLengthMax - 1).toWellFormed()}…` : text;
}

function parseKinds(kinds: readonly string[] | undefined): ReadonlySet<string> | undefined {
  const unknown = kinds?.find((kind) => !Object.hasOwn(auditKinds, kind));
  if (unknown !== undefined) {
    throw new InputError(
      'usage',
      `--kind ${unknown}: there is no such kind; one of ${Object.keys(auditKinds).join(', ')}`,
    );
  }
  return kinds && new Set(kinds);
}
