/**
 * The receiver in threads of its own: one listens, one decodes and folds, and the service's thread takes what was sealed shortly before its tick. A crowd at the
 * port keeps neither the service's own listener waiting nor whoever asks after health at the port itself (docs/decisions/0013).
 *
 * Mental model: the two live and die together. What they had not sealed is lost with them, as with a process; senders whose request has no answer send it
 * again. One seal is asked for at a time, and it is taken by the tick before the next is asked for, so nothing piles up on either side.
 */
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { unpackColumns } from '../collectors/delta-columns.ts';
import { compareDeltas, type SenderReport } from '../collectors/windower.ts';
import { InputError } from '../core/errors.ts';
import { formatInstant, msPerSecond, type Clock, type Timers } from '../core/time.ts';
import type { WindowDelta } from '../core/window.ts';
import type { Log } from './log.ts';
import type {
  FolderStart,
  FromFolder,
  FromListener,
  KnownAlias,
  ListenerStart,
  ToFolder,
} from './receiver-messages.ts';

export interface ReceiverStanding {
  readonly ready: boolean;
  readonly because: string;
}

export interface ReceiverThreads {
  readonly url: string;
  /** What was sealed since it was last asked, sorted. Asks for the next seal, which comes shortly before the next second is over. */
  take(): WindowDelta[];
  readonly senders: () => readonly SenderReport[];
  readonly standing: () => ReceiverStanding;
  /** Resolves when the port is free and all that was answered is sealed, to be taken. */
  close(): Promise<void>;
}

export interface ThreadOptions {
  readonly where: Omit<ListenerStart, 'bodies'>;
  readonly folding: Omit<FolderStart, 'bodies' | 'aliases'>;
  readonly aliasOf: (functionArn: string, version: string) => string | undefined;
  /** Says when a thread died; the threads read the real one. */
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log?: Log;
  readonly startThread?: typeof startThread;
}

/**
 * From a tick to when the seal for the next is asked for. In a flood the answer takes up to 100 ms (a slice of work, sealing 8,000 deltas, reading them here); what comes later than the next
 * tick waits for the one after it.
 */
const askAfterMs = 750;

/** A thread that dies at once each time is not started more often. */
const restartAfterMs = msPerSecond;

interface Pair {
  readonly listener: Worker;
  readonly folder: Worker;
  readonly url: string;
}

export async function openReceiverThreads(options: ThreadOptions): Promise<ReceiverThreads> {
  const { where, folding, clock, timers, log } = options;
  const aliases = createAliasBook(options.aliasOf, folding.functionArns.length);
  let sealed: WindowDelta[] = [];
  let senders: readonly SenderReport[] = [];
  let pair: Pair | undefined;
  let isAsked = false;
  let isClosing = false;
  let failure: string | undefined;
  let cancel = (): void => undefined;
  let cancelRestart = (): void => undefined;

  const hear = (message: FromFolder): void => {
    if (message.kind === 'wanted') {
      aliases.want(message);
      return;
    }
    isAsked = false;
    ({ senders } = message);
    const deltas = unpackColumns(message.columns);
    sealed = sealed.length === 0 ? deltas : [...sealed, ...deltas].sort(compareDeltas);
  };

  const askForSeal = (): void => {
    if (isAsked || pair === undefined) return;
    isAsked = true;
    pair.folder.postMessage({ kind: 'seal' } satisfies ToFolder);
  };

  const whenSealed = async (asked: Pair): Promise<void> => {
    while (isAsked) await wordOf(asked, asked.folder);
  };

  const start = async (port: number): Promise<Pair> => {
    const started = await startPair({ ...options, where: { ...where, port } }, aliases.known(), hear);
    const lose = (error?: unknown): void => {
      if (pair !== started) return;
      pair = undefined;
      isAsked = false;
      const why = (error as Error | undefined)?.message ?? 'a thread ended';
      failure = `the receiver of traces stopped at ${formatInstant(clock.nowMs())} (${why}) and is started again`;
      const consequence = 'spans since the last second are lost, and senders wait until it listens again';
      if (!isClosing) log?.warn('traces.stopped', { because: failure, consequence });
      void endPair(started);
      startAgain();
    };
    for (const worker of [started.listener, started.folder]) worker.on('error', lose).on('exit', () => lose());
    pair = started;
    failure = undefined;
    return started;
  };

  const startAgain = (): void => {
    if (isClosing) return;
    cancelRestart = timers.after(restartAfterMs, () => {
      starting = start(Number(new URL(url).port)).then(
        () => log?.info('traces.listening', { url }),
        (error: unknown) => {
          log?.warn('traces.stopped', { because: (error as Error).message, consequence: 'no spans are received' });
          startAgain();
        },
      );
    });
  };

  let starting: Promise<void> | undefined;
  const { url } = await start(where.port);
  cancel = timers.after(askAfterMs, askForSeal);

  return {
    url,
    take() {
      const news = aliases.news();
      if (news.length > 0) pair?.folder.postMessage({ kind: 'aliases', aliases: news } satisfies ToFolder);
      cancel();
      if (!isClosing) cancel = timers.after(askAfterMs, askForSeal);
      const taken = sealed;
      sealed = [];
      return taken;
    },
    senders: () => senders,
    standing: () =>
      failure === undefined ? { ready: true, because: 'traces are received' } : { ready: false, because: failure },
    async close() {
      isClosing = true;
      cancel();
      cancelRestart();
      await starting;
      const last = pair;
      if (last === undefined) return;
      last.listener.postMessage('close');
      await wordOf(last, last.listener);
      await whenSealed(last);
      askForSeal();
      await whenSealed(last);
      pair = undefined;
      await endPair(last);
    },
  };
}

/** Resolves at the next word of a thread, or when either has ended. */
function wordOf({ listener, folder }: Pair, from: Worker): Promise<unknown> {
  if (listener.threadId < 0 || folder.threadId < 0) return Promise.resolve();
  return new Promise((resolve) => {
    from.once('message', resolve);
    for (const worker of [listener, folder]) worker.once('exit', resolve);
  });
}

/** @throws InputError where the addresses are not this machine's alone and nobody has a token; what the system says where the port is taken. */
async function startPair(
  { where, folding, startThread: start = startThread }: ThreadOptions,
  aliases: readonly KnownAlias[],
  hear: (message: FromFolder) => void,
): Promise<Pair> {
  const { port1, port2 } = new MessageChannel();
  const folder = start('receiver-folder', { ...folding, aliases, bodies: port1 } satisfies FolderStart, port1);
  const listener = start('receiver-listener', { ...where, bodies: port2 } satisfies ListenerStart, port2);
  folder.on('message', hear);
  try {
    const url = await new Promise<string>((resolve, reject) => {
      listener.once('message', (message: FromListener) => {
        if (message.kind === 'listening') resolve(message.url);
        else reject(errorOf(message));
      });
      for (const worker of [listener, folder]) {
        worker.once('error', reject).once('exit', () => reject(new Error('a thread ended before it listened')));
      }
    });
    return { listener, folder, url };
  } catch (error) {
    await endPair({ listener, folder });
    throw error;
  }
}

async function endPair({ listener, folder }: Omit<Pair, 'url'>): Promise<void> {
  await Promise.all([listener.terminate(), folder.terminate()]);
}

function errorOf(message: FromListener): Error {
  if (message.kind !== 'failed') return new Error('the listener ended before it listened');
  const { isInput, code, message: text } = message;
  return isInput ? new InputError(code, text) : Object.assign(new Error(text), { code });
}

/** Of what is young in a thread's heap nearly nothing lives on; left to itself V8 lets it grow to several times as much before it looks. */
const maxYoungGenerationSizeMb = 16;

/** Beside this file under the same ending: TypeScript in a clone, JavaScript in the package. */
export function startThread(name: 'receiver-listener' | 'receiver-folder', start: unknown, port: MessagePort): Worker {
  const file = new URL(`./${name}.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);
  const resourceLimits = { maxYoungGenerationSizeMb };
  return new Worker(file, { name, workerData: start, transferList: [port], resourceLimits });
}

interface AliasBook {
  want(wanted: { readonly functionArn: string; readonly version: string }): void;
  /** Those that are other than what was said last; each is looked up in turn, so many a call. */
  news(): readonly KnownAlias[];
  known(): readonly KnownAlias[];
}

/** Functions times versions looked at in one tick: some milliseconds, since each version is looked for among all functions. */
const lookCountMax = 20_000;

function createAliasBook(aliasOf: ThreadOptions['aliasOf'], functionCount: number): AliasBook {
  /** The one that was looked up longest ago first. */
  const book = new Map<string, KnownAlias>();
  const perTick = Math.max(8, Math.floor(lookCountMax / Math.max(1, functionCount)));
  return {
    want: ({ functionArn, version }) =>
      void book.set(`${functionArn}:${version}`, { functionArn, version, alias: undefined }),
    news() {
      const news: KnownAlias[] = [];
      for (const [name, said] of [...book].slice(0, perTick)) {
        const now = { ...said, alias: aliasOf(said.functionArn, said.version) };
        book.delete(name);
        book.set(name, now);
        if (now.alias !== said.alias) news.push(now);
      }
      return news;
    },
    known: () => [...book.values()],
  };
}
