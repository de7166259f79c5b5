/** `audit replay`: decides again from the recorded facts, and says where it comes out otherwise. */
import { InputError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { formatInstant } from '../core/time.ts';
import { release } from '../service/release.ts';
import { replay, type Replay } from '../service/replay.ts';
import type { Difference, ReplayedDecision, ReplayedRun } from '../service/replay-run.ts';
import { instantFlag, numberFlag } from './flags.ts';
import { printable } from './printable.ts';
import { clearProgress, drawProgress } from './progress.ts';
import { readStore } from './read-store.ts';
import { parseFlags, printJson, type ExitCode, type Terminal, type Verb } from './verb.ts';

export const auditReplayVerb: Verb = {
  name: 'audit replay',
  summary: 'decides again from the recorded facts, and compares with what was decided',
  usage: `
  --store F   the store; a service may be writing to it meanwhile
  --seq N     replays up to the event N, and shows this decision with what it was judged from
  --from T    compares only decisions at or after this instant (ISO 8601)
  --to T      compares only decisions before this instant
  --json      { verdict, release, runs, differences, decision }

Each run of the service is replayed from its start with the options, calendar and histories that it named, and every decision, and the state that every tick left, is
compared to the byte. Another release may decide otherwise: then this says which decisions differ, and how the first of them does.
Exits 0 when all is equal, 1 when something differs, 2 when a row is damaged, or what a run was judged from is not kept any more (it is kept for
retention.ticksDays).`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      store: { type: 'string' },
      seq: { type: 'string' },
      from: { type: 'string' },
      to: { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    if (values.seq !== undefined && (values.from !== undefined || values.to !== undefined))
      throw new InputError(
        'usage',
        '--seq is one decision, and --from and --to are a span of them: give one of the two',
      );
    const result = await readStore(values.store, (store) =>
      replay(store, {
        ...(values.seq !== undefined && {
          seq: numberFlag('--seq', values.seq, { min: 0, max: Number.MAX_SAFE_INTEGER, isWhole: true }),
        }),
        ...(values.from !== undefined && { fromMs: instantFlag('--from', values.from) }),
        ...(values.to !== undefined && { untilMs: instantFlag('--to', values.to) }),
        onProgress(atMs, tickCount) {
          if (terminal.signal.aborted) throw new InputError('interrupted', 'interrupted: nothing is compared');
          drawProgress(terminal, `${tickCount} ticks replayed, up to ${formatInstant(atMs)}`);
        },
      }),
    );
    clearProgress(terminal);
    const verdict = verdictOf(result);
    if (values.json) printJson(terminal, { verdict, release, ...result });
    else print(result, verdict, terminal);
    return exitCodes[verdict];
  },
};

type Verdict = 'equal' | 'differs' | 'unreplayed';

const exitCodes: Readonly<Record<Verdict, ExitCode>> = { equal: 0, differs: 1, unreplayed: 2 };

/** A difference is an answer; short of one, what could not be replayed is not equal. */
function verdictOf({ runs, decision }: Replay): Verdict {
  if (runs.some(({ differingCount }) => differingCount > 0) || decision?.isEqual === false) return 'differs';
  return runs.some(({ unreplayed }) => unreplayed !== null) || runs.length === 0 ? 'unreplayed' : 'equal';
}

const words: Readonly<Record<Verdict, string>> = {
  equal: 'equal',
  differs: 'NOT equal',
  unreplayed: 'NOT replayed',
};

function print({ runs, differences, decision }: Replay, verdict: Verdict, terminal: Terminal): void {
  const total = (count: (run: ReplayedRun) => number): number => runs.reduce((sum, run) => sum + count(run), 0);
  const decisionCount = total((run) => run.decisionCount);
  terminal.out(
    `${words[verdict]}: ${countOf(
      total((run) => run.tickCount),
      'tick',
    )}, ${countOf(decisionCount, 'decision')}, ${total((run) => run.equalCount)} equal, ${countOf(
      total((run) => run.differingCount),
      'difference',
    )}\n`,
  );
  for (const run of runs) terminal.out(describeRun(run));
  if (runs.length === 0) terminal.out('no run lies in this span\n');
  for (const line of describeDifferences(differences)) terminal.out(line);
  if (decision) terminal.out(describeDecision(decision));
}

function describeRun({
  startedSeq,
  startedAtMs,
  release: by,
  decisionCount,
  differingCount,
  unreplayed,
}: ReplayedRun): string {
  const other = by === release ? '' : ` by release ${by}, replayed by ${release}`;
  const count = `${countOf(decisionCount, 'decision')}, ${countOf(differingCount, 'difference')}`;
  const line = `run       event ${startedSeq}, ${formatInstant(startedAtMs)}${other}: ${count}`;
  return `${printable(unreplayed === null ? line : `${line}; ${unreplayed}`)}\n`;
}

const differenceShownMax = 20;

/** The first decision and the first state whole; of the others what they are, because one brings the next. */
function describeDifferences(differences: readonly Difference[]): readonly string[] {
  const isState = ({ kind }: Difference): boolean => kind === 'tick';
  const whole = [differences.find(isState), differences.find((one) => !isState(one))];
  const shown = differences.slice(0, differenceShownMax);
  // The state that changes first may change for long before a decision does.
  const later = whole.filter((one) => one !== undefined && !shown.includes(one)) as Difference[];
  const rest = differences.length - shown.length - later.length;
  return [
    ...[...shown, ...later].map((difference) => describeDifference(difference, whole.includes(difference))),
    ...(rest > 0 ? [`          … and ${rest} more\n`] : []),
  ];
}

function describeDifference({ seq, kind, atMs, position, lines }: Difference, isWhole: boolean): string {
  const decision = seq === null ? `${kind}, which is not on record` : `event ${seq}, ${kind}`;
  const what = kind === 'tick' ? 'the state that a tick left' : decision;
  const where = [what, formatInstant(atMs), ...(position === null ? [] : [`row ${position}`])].join(', ');
  const shown = isWhole ? lines.map((line) => `          ${printable(line)}\n`) : [];
  return `differs   ${printable(where)}\n${shown.join('')}`;
}

const factLengthMax = 200;

function describeDecision({ event, isEqual, facts, tickAtMs, run }: ReplayedDecision): string {
  const inputs = Object.entries(run).map(([name, value]) => `          ${printable(`${name} ${textOf(value)}`)}\n`);
  const told = facts.map((fact) => `          ${printable(cut(JSON.stringify(fact)))}\n`);
  return [
    `decision  event ${event.seq}, ${event.kind}, ${formatInstant(event.atMs)}: ${isEqual ? 'comes out the same, to the byte' : 'comes out otherwise'}\n`,
    JSON.stringify(event.body, null, 2)
      .split('\n')
      .map((line) => `          ${printable(line)}\n`)
      .join(''),
    `run       of event ${JSON.stringify(run['startedSeq'])}\n${inputs.join('')}`,
    `facts     of the tick of ${formatInstant(tickAtMs)}${told.length === 0 ? ': none; time went on' : ''}\n${told.join('')}`,
  ].join('');
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function cut(text: string): string {
  return text.length > factLengthMax ? `${text.slice(0, factLengthMax - 1).toWellFormed()}…` : text;
}
