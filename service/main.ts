/**
 * The service on the real world: a configuration, a store, AWS, and the clock on the wall.
 */
import type { RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../config/load.ts';
import { InputError, WorldError } from '../core/errors.ts';
import { msPerSecond } from '../core/time.ts';
import { openEmbeddedStore } from '../store/embedded.ts';
import { watchConfig } from './config-watch.ts';
import { createApp } from './http/app.ts';
import { listen } from './http/listen.ts';
import { diffJson } from './json-diff.ts';
import { firstLineOf, type Log } from './log.ts';
import { realClock, realTimers } from './real-time.ts';
import { webFolder } from './release.ts';
import { prepareSession, type SessionParts } from './session-parts.ts';
import { startSession, type Session, type SessionOptions } from './session.ts';
import { startTelemetry } from './telemetry.ts';

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
  // The store first: a second service on it ends here, before it has read a gigabyte of history.
  const store = await openEmbeddedStore(options.storeFile);
  try {
    const telemetry = await startTelemetry(options.config.telemetry.otlpEndpoint);
    try {
      await serve(options, { ...options, store, tracer: telemetry.tracer });
    } finally {
      await telemetry.stop();
    }
  } finally {
    await store.close();
  }
}

async function serve(options: ServiceOptions, ports: SessionOptions): Promise<void> {
  const { config, log, signal, onListening } = options;
  const parts = await prepareSession(config, ports, { isBeside: false });
  const first = await startSession(parts, ports);
  const current: Current = { session: first, app: appOf(first, log) };
  try {
    const { host, port } = config.http;
    const listener = await listen((request, response) => current.app(request, response), { host, port });
    onListening(listener.url);
    const edits = createEdits(options, ports, current);
    const stopWatching = watchConfig({ path: config.file, timers: realTimers, onEdited: edits.read });
    try {
      await runTicks(current, { edits, ports });
    } finally {
      stopWatching();
      edits.stop();
      await listener.close();
    }
  } finally {
    await current.session.end(signal.aborted ? 'asked to stop' : 'the service failed');
  }
}

interface Current {
  session: Session;
  app: RequestListener;
}

function appOf({ parts, view, operations, acting, inbox, breakers, playbooks }: Session, log: Log): RequestListener {
  const tokens = parts.config.http.tokens.map((token) => token.reveal());
  return createApp({
    view,
    operations,
    acting,
    tokens,
    people: parts.config.people.map(({ token, ...person }) => ({ ...person, token: token.reveal() })),
    webFolder,
    log,
    ...(inbox && { inbox }),
    ...(breakers && { breakers }),
    ...(playbooks && { playbooks }),
  });
}

interface Edits {
  readonly read: () => Promise<void>;
  readonly stop: () => void;
  /** The edited configuration that waits to be taken over, read and checked. */
  take(): SessionParts | undefined;
}

/** The other end is back within minutes, or not for long. */
const retryAfterMs = 30 * msPerSecond;

/**
 * Reads an edited configuration, and all that it names, while the one before works on. One with faults, or that cannot work, or that wants a restart, leaves
 * that one in force, and says so.
 */
function createEdits({ readConfig, log }: ServiceOptions, ports: SessionOptions, current: Current): Edits {
  let edited: SessionParts | undefined;
  // Of the file as it was read last without fault: while it is being taken over, an edit back to what is in force is an edit too.
  let accepted = current.session.parts.config.sha256;
  let refusal: string | undefined;
  let cancelRetry = (): void => undefined;
  const read = async (): Promise<void> => {
    cancelRetry();
    try {
      const next = await readConfig();
      if (next.sha256 === accepted) return;
      requireNoRestart(current.session.parts.config, next);
      edited = await prepareSession(next, ports, { isBeside: true });
      accepted = next.sha256;
      refusal = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (message !== refusal) refuse(current.session, error as Error, log);
      refusal = message;
      // Nothing is wrong with the file: it is read again until the other end answers.
      if (error instanceof WorldError) cancelRetry = realTimers.after(retryAfterMs, () => void read());
    }
  };
  return {
    read() {
      // Saved again, it is refused again.
      refusal = undefined;
      return read();
    },
    stop: () => cancelRetry(),
    take() {
      const next = edited;
      edited = undefined;
      return next?.config.sha256 === current.session.parts.config.sha256 ? undefined : next;
    },
  };
}

function refuse({ system, parts: { config } }: Session, error: Error, log: Log): void {
  const stays = 'the configuration before stays in force';
  const consequence = error instanceof WorldError ? `${stays}, and the edit is tried again every half minute` : stays;
  const because = firstLineOf(error.message);
  log.warn('config.refused', { file: config.file, because, consequence });
  const faults = error.message.split('\n').slice(0, toldFaultCountMax);
  const body = { file: config.file, because: `${because}; ${consequence}`, faults, sha256: config.sha256 };
  system.admit({ kind: 'told', draft: { atMs: realClock.nowMs(), kind: 'config.refused', actor: 'service', body } });
}

const toldFaultCountMax = 20;

/** @throws InputError naming the first setting that only a restart can change. */
function requireNoRestart(before: Config, after: Config): void {
  const fixed: readonly (readonly [string, string | number | undefined, string | number | undefined])[] = [
    ['store', before.store, after.store],
    ['telemetry.otlpEndpoint', before.telemetry.otlpEndpoint, after.telemetry.otlpEndpoint],
    ['http.host', before.http.host, after.http.host],
    ['http.port', before.http.port, after.http.port],
  ];
  const changed = fixed.find(([, was, is]) => was !== is);
  if (!changed) return;
  const [name, was, is] = changed;
  const [from, to] = [was, is].map((value) => value ?? 'nothing');
  throw new InputError(
    'config.restart',
    `${name}: ${from} cannot become ${to} while the service runs: restart it, or write ${from} again`,
  );
}

interface TickScene {
  readonly edits: Edits;
  readonly ports: SessionOptions;
}

/** One tick a second, on the second; a late one is not made up for, since the next judges the same facts. Between two, an edit is taken over. */
async function runTicks(current: Current, { edits, ports }: TickScene): Promise<void> {
  const { signal } = ports;
  while (!signal.aborted) {
    await current.session.system.tick();
    const next = edits.take();
    if (next) await takeOver(current, next, ports);
    const untilNextSecondMs = msPerSecond - (realClock.nowMs() % msPerSecond);
    await sleep(untilNextSecondMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The store holds everything that the one session knows, and the next goes on from there. Where the edited one cannot start after all, the one before does. */
async function takeOver(current: Current, next: SessionParts, ports: SessionOptions): Promise<void> {
  const { log } = ports;
  const before = current.session;
  const started = Promise.withResolvers<undefined>();
  // Whoever asks meanwhile is answered by the next one.
  current.app = (request, response) => void started.promise.then(() => current.app(request, response));
  await before.end('an edited configuration is taken over', { isHandedOver: true });
  let refusal: Error | undefined;
  const session = await startSession(next, ports).catch((error: unknown) => {
    refusal = error as Error;
    return startSession(before.parts, ports);
  });
  current.session = session;
  current.app = appOf(session, log);
  started.resolve(undefined);
  if (refusal) refuse(session, refusal, log);
  else tellChange(session, before.parts.config, log);
}

function tellChange({ system, parts: { config } }: Session, before: Config, log: Log): void {
  const differences = diffJson(before.effective, config.effective, { one: 'was', other: 'is now' });
  const because = firstLineOf(differences.join('\n'));
  log.info('config.changed', { file: config.file, because });
  const body = { file: config.file, because, differences, fromSha256: before.sha256, toSha256: config.sha256 };
  system.admit({ kind: 'told', draft: { atMs: realClock.nowMs(), kind: 'config.changed', actor: 'service', body } });
}
