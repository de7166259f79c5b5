/**
 * Sees that the configuration was edited. By looking, not by being told: a look a second is soon enough for a file that people save, and works on every
 * kind of drive. A version is read when it has stood still between two looks.
 */
import { realEyes, type FileEyes } from '../collectors/calendar-file-source.ts';
import { msPerSecond, type Timers } from '../core/time.ts';

const lookEveryMs = msPerSecond;

export interface ConfigWatchOptions {
  readonly path: string;
  readonly timers: Timers;
  readonly eyes?: FileEyes;
  /** The file is another one than before, and complete; or it is gone. The next look waits for it. */
  readonly onEdited: () => Promise<void>;
}

/** Starts to look; answers a stop. */
export function watchConfig({ path, timers, eyes = realEyes, onEdited }: ConfigWatchOptions): () => void {
  let taken: string | undefined;
  let seen: string | undefined;
  let cancel = (): void => undefined;
  let isStopped = false;
  const look = async (): Promise<void> => {
    // Of a file that is being replaced one look may find nothing; two in a row are told, for the next start would find nothing either.
    const signature = (await eyes.signatureOf(path)) ?? 'gone';
    taken ??= signature;
    const isSettled = signature === seen;
    seen = signature;
    if (!isSettled || signature === taken || isStopped) return;
    taken = signature;
    await onEdited();
  };
  const arm = (): void => {
    cancel = timers.after(lookEveryMs, () => {
      void look().finally(() => {
        if (!isStopped) arm();
      });
    });
  };
  void look().finally(() => {
    if (!isStopped) arm();
  });
  return () => {
    isStopped = true;
    cancel();
  };
}
