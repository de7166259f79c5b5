/** The world's hand on a playbook's system in a process of its own: gives it seconds, hears what it is about to do, and kills it. */
import { fork } from 'node:child_process';
import { assert } from '../../core/assert.ts';
import type { AuditEvent } from '../../core/audit.ts';
import type { EpochMs } from '../../core/time.ts';
import type { PlaybookOrder, PlaybookReport, PlaybookStart, ToldSecond } from './playbook-messages.ts';

export interface PlaybookListener {
  reached(atMs: EpochMs): void;
  /** What has become durable, as it is said; after a restart all of it again. */
  heard(events: readonly AuditEvent[]): void;
  /** True: it dies here, and goes no further. */
  isDeadly(step: string): boolean;
}

export interface PlaybookSystem {
  /** Answers false when it was killed before. @throws when it ended by itself. */
  play(seconds: readonly ToldSecond[]): Promise<boolean>;
  stop(): Promise<void>;
  /** SIGKILL, at once. */
  kill(): void;
  isKilled(): boolean;
  /** Resolves when nothing of the process is left. */
  readonly ended: Promise<void>;
}

/** May be killed before it has begun: then it plays nothing. */
export async function startPlaybookSystem(start: PlaybookStart, listener: PlaybookListener): Promise<PlaybookSystem> {
  const program = new URL('./playbook-process.ts', import.meta.url);
  const child = fork(program, [JSON.stringify(start)], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let isKilled = false;
  type Word = 'began' | 'gone' | 'played' | 'stopped';
  let hear: ((word: Word) => void) | undefined;
  let isGone = false;
  const next = (): Promise<Word> =>
    isGone ? Promise.resolve('gone') : new Promise((resolve) => void (hear = resolve));
  const send = (order: PlaybookOrder): void => {
    if (child.connected) child.send(order, () => undefined);
  };
  const kill = (): void => {
    isKilled = true;
    child.kill('SIGKILL');
  };
  child.on('message', (report: PlaybookReport) => {
    if (isKilled) return;
    switch (report.kind) {
      case 'began':
        listener.heard(report.events);
        hear?.('began');
        return;
      case 'played':
      case 'stopped':
        hear?.(report.kind);
        return;
      case 'reached':
        listener.reached(report.atMs);
        send({ kind: 'go', id: report.id });
        return;
      case 'step':
        listener.heard(report.events);
        if (listener.isDeadly(report.step)) kill();
        else send({ kind: 'go', id: report.id });
    }
  });
  const ended = new Promise<void>((resolve, reject) => {
    let openCount = 2;
    const close = (): void => {
      if (--openCount > 0) return;
      isGone = true;
      hear?.('gone');
      resolve();
    };
    child.once('error', reject);
    child.once('exit', close);
    child.once('disconnect', close);
  });
  assert((await next()) === 'began' || isKilled, 'the system began');
  return {
    async play(seconds) {
      if (isKilled) return false;
      const answer = next();
      send({ kind: 'play', seconds });
      if ((await answer) === 'played') return true;
      assert(isKilled, 'a system that nobody killed goes on');
      return false;
    },
    async stop() {
      const answer = next();
      send({ kind: 'stop' });
      assert((await answer) === 'stopped' || isKilled, 'the system stopped in good order');
      await ended;
    },
    kill,
    isKilled: () => isKilled,
    ended,
  };
}
