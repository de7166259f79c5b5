/**
 * A calendar file that people edit while the service runs. The system tells of changes where it can, and a look every few seconds is the net under
 * that: network drives and containers tell nothing. Editors write in several steps, or write beside and rename; nothing is read before the file has
 * been left alone for a moment, and nothing is taken that changed while it was read.
 */
import { watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { InputError } from '../core/errors.ts';
import { msPerSecond } from '../core/time.ts';
import { readCalendarBytes, type CalendarFormat } from './calendar-file.ts';
import { createWatch, type CalendarSource, type CalendarSourceOptions, type Look } from './calendar-source.ts';

export interface CalendarFileOptions extends CalendarSourceOptions {
  readonly path: string;
  readonly format?: CalendarFormat;
  readonly eyes: FileEyes;
}

/** How a file is seen to change; by hand in tests. */
export interface FileEyes {
  /** Differs when the file was written or replaced; undefined when there is none. */
  signatureOf(path: string): Promise<string | undefined>;
  /** Calls back when something in the folder changed, perhaps this file. Answers a stop. */
  watchFolder(folder: string, onChange: (name: string | undefined) => void): () => void;
}

/** Editors are done with their steps well within it. */
const settledAfterMs = 300;
const lookEveryMs = 5 * msPerSecond;

/** Starts to watch; the first look is the caller's `check()`. */
export function watchCalendarFile(options: CalendarFileOptions): CalendarSource {
  const { path, format, timers, eyes } = options;
  let takenSignature: string | undefined;
  let seenSignature: string | undefined;
  let cancelSettling: (() => void) | undefined;

  const look = async (mayBeUnchanged: boolean): Promise<Look> => {
    const signature = await eyes.signatureOf(path);
    seenSignature = signature;
    if (signature === undefined) throw new InputError('file-unreadable', `${path}: no such file`);
    if (mayBeUnchanged && signature === takenSignature) return { kind: 'unchanged' };
    const bytes = await readCalendarBytes(path);
    if ((await eyes.signatureOf(path)) !== signature) {
      settle();
      return { kind: 'unsettled' };
    }
    const onTaken = (): void => void (takenSignature = signature);
    return { kind: 'bytes', bytes, path, ...(format && { format }), onTaken };
  };
  const own = createWatch(path, options, look);

  /** Looks when nothing has happened for a moment. */
  const settle = (): void => {
    cancelSettling?.();
    cancelSettling = timers.after(settledAfterMs, () => void own.check());
  };

  const lookOver = async (): Promise<void> => {
    const signature = await eyes.signatureOf(path);
    if (signature !== seenSignature) settle();
    seenSignature = signature;
  };
  let cancelLook = (): void => undefined;
  const armLook = (): void => {
    cancelLook = timers.after(lookEveryMs, () => {
      armLook();
      void lookOver();
    });
  };
  armLook();
  // Of the folder, because a file that is renamed into place is another file.
  const stopWatching = eyes.watchFolder(dirname(path), (name) => {
    if (name === undefined || name === basename(path)) settle();
  });

  return {
    source: path,
    check: () => own.check(),
    health: () => own.health(),
    close() {
      stopWatching();
      cancelLook();
      cancelSettling?.();
    },
  };
}

export const realEyes: FileEyes = {
  async signatureOf(path) {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      return `${mtimeMs}:${size}:${ino}`;
    } catch {
      return undefined;
    }
  },
  watchFolder(folder, onChange) {
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => onChange(name ?? undefined));
      // A folder that goes away, or a system that has no more watches to give: the regular look goes on.
      watcher.on('error', () => watcher.close());
      return () => watcher.close();
    } catch {
      return () => undefined;
    }
  },
};
