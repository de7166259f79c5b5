/**
 * The service on the real world: a configuration, a store, AWS, and the clock on the wall.
 */
import type { RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/load.ts';
import { InputError } from '../core/errors.ts';
import { msPerSecond } from '../core/time.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { watchConfig } from './config-watch.ts';
import { createApp } from './http/app.ts';
import { listen } from './http/listen.ts';
import { diffJson } from './json-diff.ts';
import type { Log } from './log.ts';
import { realClock, realTimers } from './real-time.ts';
import { webFolder } from './release.ts';
import { startSession, type Session } from './session.ts';

export interface ServiceOptions {
  readonly config: Config;
  /** Reads the configuration again, as it stands in its file now. */
  readonly readConfig: () => Promise<Config>;
  readonly storeFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Aborted: stop in good order. */
  readonly signal: AbortSignal;
  /** Told once, when the listener is open. */
  readonly onListening: (url: string) => void;
  /** Prints checkpoints, where the configuration asks for it. */
  readonly out: (text: string) => void;
}

/**
 * Runs until `signal`. Resolves when the last answer is written and the store is closed.
 *
 * @throws InputError when files, port, store or endpoint cannot be used. Anything else is a bug, or a store that takes no more.
 */
export async function runService(options: ServiceOptions): Promise<void> {
  const { storeFile, log, signal, onListening } = options;
  // The store first: a second service on it ends here, before it has read a gigabyte of history.
  const store = await openEmbeddedStore(storeFile);
  const start = (config: Config): Promise<Session> => startSession({ ...options, config, store });
  const first = await start(options.config).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const current: Current = { session: first, app: appOf(first) };
  try {
    const { host, port } = options.config.http;
    const listener = await listen((request, response) => current.app(request, response), { host, port });
    onListening(listener.url);
    const edits = createEdits(options, current);
    const stopWatching = watchConfig({ path: options.config.file, timers: realTimers, onEdited: edits.read });
    try {
      await runTicks(current, { edits, start, signal, log });
    } finally {
      stopWatching();
      await listener.close();
    }
  } finally {
    await current.session.end(signal.aborted ? 'asked to stop' : 'the service failed', { keepsStore: false });
  }
}

interface Current {
  session: Session;
  app: RequestListener;
}

function appOf({ config, view, operations }: Session): RequestListener {
  return createApp({ view, operations, tokens: config.http.tokens.map((token) => token.reveal()), webFolder });
}

interface Edits {
  readonly read: () => Promise<void>;
  /** The edited configuration that waits to be taken over. */
  take(): Config | undefined;
}

/** Reads an edited configuration. One with faults, or that wants a restart, leaves the one before in force, and says so. */
function createEdits({ readConfig, log }: ServiceOptions, current: Current): Edits {
  let edited: Config | undefined;
  return {
    async read() {
      try {
        const next = await readConfig();
        if (next.sha256 === current.session.config.sha256) return;
        requireNoRestart(current.session.config, next);
        edited = next;
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        refuse(current.session, error.message, log);
      }
    },
    take() {
      const next = edited;
      edited = undefined;
      return next;
    },
  };
}

function refuse({ system, config }: Session, because: string, log: Log): void {
  const consequence = 'the configuration before stays in force';
  log.warn('config.refused', { file: config.file, because, consequence });
  const body = { file: config.file, because: `${because}; ${consequence}`, sha256: config.sha256 };
  system.admit({ kind: 'told', draft: { atMs: realClock.nowMs(), kind: 'config.refused', actor: 'service', body } });
}

/** @throws InputError naming the first setting that only a restart can change. */
function requireNoRestart(before: Config, after: Config): void {
  const fixed: readonly (readonly [string, unknown, unknown])[] = [
    ['store', before.store, after.store],
    ['http.host', before.http.host, after.http.host],
    ['http.port', before.http.port, after.http.port],
  ];
  const changed = fixed.find(([, was, is]) => was !== is);
  if (!changed) return;
  const [name, was, is] = changed;
  throw new InputError('config.restart', `${name}: ${String(was)} cannot become ${String(is)} without a restart`);
}

interface TickScene {
  readonly edits: Edits;
  readonly start: (config: Config) => Promise<Session>;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/** One tick a second, on the second; a late one is not made up for, since the next judges the same facts. Between two, an edit is taken over. */
async function runTicks(current: Current, scene: TickScene): Promise<void> {
  const { edits, signal } = scene;
  while (!signal.aborted) {
    await current.session.system.tick();
    const next = edits.take();
    if (next) await takeOver(current, next, scene);
    const untilNextSecondMs = msPerSecond - (realClock.nowMs() % msPerSecond);
    await sleep(untilNextSecondMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The store holds everything that the one session knows, and the next goes on from there. Where the edited one cannot start, the one before does. */
async function takeOver(current: Current, next: Config, { start, log }: TickScene): Promise<void> {
  const before = current.session;
  const differences = diffJson(before.config.effective, next.effective, {
    one: 'was',
    other: 'is now',
  });
  await before.end('an edited configuration is taken over', { keepsStore: true });
  let refusal: Error | undefined;
  const session = await start(next).catch((error: unknown) => {
    refusal = error as Error;
    return start(before.config);
  });
  current.session = session;
  current.app = appOf(session);
  if (refusal) {
    refuse(session, refusal.message, log);
    return;
  }
  const because = `${differences.length} settings differ`;
  log.info('config.changed', { file: next.file, because });
  const body = { file: next.file, because, differences, fromSha256: before.config.sha256, toSha256: next.sha256 };
  session.system.admit({
    kind: 'told',
    draft: { atMs: realClock.nowMs(), kind: 'config.changed', actor: 'service', body },
  });
}
