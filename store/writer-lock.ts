/**
 * One writer a store. Two files stand beside it: `<store>-lock`, on which the kernel keeps the lock, and `<store>-writer`, which names
 * the holder for people.
 *
 * The lock is SQLite's own exclusive lock on an empty database, which is a lock of the kernel: it falls when the process ends, however it
 * ends, so nothing stale is ever judged by pid or age, and a pid that is used again (in a container it is always 1) fools nobody.
 * Never open `<store>-lock` by other means in this process: closing any descriptor of a file drops the process's locks on it (POSIX).
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as delay } from 'node:timers/promises';
import { InputError } from '../core/errors.ts';
import { describeSqliteError, sqliteCodeOf } from './sqlite-errors.ts';

const sqliteBusy = 5;

// Between taking the lock and naming itself a holder needs microseconds, in which the name found is none, or a former holder's. So the name
// is read after a first wait, and again while it is that of a process that is gone.
const nameRetryCount = 200;
const nameRetryMs = 25;

export interface WriterLock {
  release(): void;
}

/** @throws InputError, as a rule after one short wait, when another process holds the lock, naming it. */
export async function takeWriterLock(path: string): Promise<WriterLock> {
  for (let retryCount = 0; ; retryCount++) {
    const lock = tryLock(path);
    if (lock) {
      writeName(path);
      return {
        release() {
          rmSync(`${path}-writer`, { force: true });
          lock.close();
        },
      };
    }
    const holder = retryCount === 0 ? undefined : readName(path);
    if (holder?.isAlive || retryCount === nameRetryCount) {
      const who = holder
        ? `pid ${holder.pid}${holder.host === hostname() ? '' : ` on ${holder.host}`}`
        : 'another process';
      throw new InputError('store-locked', `the store ${path} is in use by ${who}: stop it, or name another store`);
    }
    await delay(nameRetryMs);
  }
}

function tryLock(path: string): DatabaseSync | undefined {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(`${path}-lock`, { timeout: 0 });
    // Nothing is ever written through it: a journal would only be one more file.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock?.close();
    if (sqliteCodeOf(error) === sqliteBusy) return undefined;
    throw describeSqliteError(error, `${path}-lock`);
  }
}

/** For people. A full disk may refuse it: the lock holds without a name, and what is to be said of the disk is said by the first append. */
function writeName(path: string): void {
  // Renamed into place, so that a reader finds a whole name.
  try {
    writeFileSync(`${path}-writer~`, `${process.pid} ${hostname()}\n`);
    renameSync(`${path}-writer~`, `${path}-writer`);
  } catch {
    for (const suffix of ['-writer~', '-writer']) rmSync(path + suffix, { force: true });
  }
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** False only when we can tell that the process is gone. */
  readonly isAlive: boolean;
}

function readName(path: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(`${path}-writer`, 'utf8');
  } catch {
    return undefined;
  }
  const match = /^([1-9]\d{0,9}) ([\w.-]{1,255})\n$/.exec(text);
  if (!match) return undefined;
  const pid = Number(match[1]);
  const host = match[2]!;
  return { pid, host, isAlive: host !== hostname() || isRunning(pid) };
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, and is somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
