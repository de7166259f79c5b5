/** The world's hand on a system in a process of its own: gives it time, hears what it is about to do, and kills it. */
import { fork } from 'node:child_process';
import { assert } from '../../core/assert.ts';
import type { EpochMs } from '../../core/time.ts';
import type { Durable, LoneOrder, LoneReport, LoneStart, VolumeTold } from './lone-messages.ts';

export type LoneMoment = Exclude<LoneReport['kind'], 'began' | 'stopped'>;

export interface LoneListener {
  /** It has come to this instant: a second begins, or a call goes out once this has returned. */
  reached(atMs: EpochMs): void;
  /** Every word of it, as it comes; what it waits for an answer to is answered when this has returned. */
  said(moment: LoneMoment, isOfAction: boolean): void;
}

export interface LoneSystem {
  /** Plays until then; answers false when it was killed before. @throws when it ended by itself. */
  play(untilMs: EpochMs, volumes: readonly VolumeTold[]): Promise<boolean>;
  stop(because: string): Promise<void>;
  /** SIGKILL, at once. */
  kill(): void;
  isKilled(): boolean;
  /** Resolves when the process is gone and everything that it had said has been heard. */
  readonly ended: Promise<void>;
  /** The last event that it has said to be durable. */
  durable(): Durable | undefined;
}

/** @throws when it ends before it has begun. */
export async function startLoneSystem(start: LoneStart, listener: LoneListener): Promise<LoneSystem> {
  const program = new URL('./lone-process.ts', import.meta.url);
  const child = fork(program, [JSON.stringify(start)], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let isKilled = false;
  let last: Durable | undefined;
  let hear: ((kind: 'began' | 'played' | 'stopped' | 'gone') => void) | undefined;

  const send = (order: LoneOrder): void => {
    // Whether it still lives is known only later, and then by its end.
    if (child.connected) child.send(order, () => undefined);
  };
  const heard = (): Promise<'began' | 'played' | 'stopped' | 'gone'> => new Promise((resolve) => void (hear = resolve));

  child.on('message', (report: LoneReport) => {
    if (report.kind === 'appended') last = report.last ?? last;
    if (report.kind === 'began' || report.kind === 'stopped') {
      hear?.(report.kind);
      return;
    }
    if (report.kind === 'calling' || report.kind === 'second') listener.reached(report.atMs);
    if (!isKilled) listener.said(report.kind, 'isOfAction' in report && report.isOfAction);
    if (report.kind === 'played') hear?.('played');
    if ('id' in report) send({ kind: 'go', id: report.id });
  });
  const ended = new Promise<void>((resolve, reject) => {
    let openCount = 2;
    const close = (): void => {
      if (--openCount > 0) return;
      hear?.('gone');
      resolve();
    };
    child.once('error', reject);
    child.once('exit', close);
    child.once('disconnect', close);
  });

  assert((await heard()) === 'began', 'the system began');
  return {
    async play(untilMs, volumes) {
      const answer = heard();
      send({ kind: 'play', untilMs, volumes });
      if ((await answer) === 'played') return true;
      assert(isKilled, 'a system that nobody killed goes on');
      return false;
    },
    async stop(because) {
      const answer = heard();
      send({ kind: 'stop', because });
      assert((await answer) === 'stopped', 'the system stopped in good order');
      await ended;
    },
    kill() {
      isKilled = true;
      child.kill('SIGKILL');
    },
    isKilled: () => isKilled,
    ended,
    durable: () => last,
  };
}
