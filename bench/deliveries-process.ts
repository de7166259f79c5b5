/**
 * The production system in a process of its own, told of one episode: on a store in a file, with the messenger of `serve`, in virtual time. Whoever started it is asked for
 * leave at every step around a delivery, and may kill it there. What of the episode is on record already is not told again.
 */
import { assert } from '../core/assert.ts';
import type { AuditEvent } from '../core/audit.ts';
import type { Store } from '../core/ports.ts';
import { msPerSecond, type EpochMs } from '../core/time.ts';
import { compose } from '../service/compose.ts';
import { createMessenger, type Messenger, type SecretTarget } from '../service/messenger.ts';
import { sampleOncall } from '../service/oncall-sample.ts';
import { minute, sampleOptions, samplePorts } from '../service/sample.ts';
import { openEmbeddedStore } from '../store/embedded.ts';

export interface DeliveryStart {
  readonly storeFile: string;
  readonly urls: { readonly pager: string; readonly lead: string; readonly events: string };
}

export type DeliveryReport =
  /** It waits for leave. */
  | { readonly kind: 'step'; readonly id: number; readonly name: string }
  /** A message was taken, so long after it was written down. */
  | { readonly kind: 'taken'; readonly target: string; readonly lateMs: number }
  | { readonly kind: 'ended' };

/** After the sample's event: nothing else is said by then. */
const fromMs = minute(60);
const lastsMs = 300 * msPerSecond;
const openAfterMs = msPerSecond;
const closeAfterMs = 4 * msPerSecond;
/** Real time, of a socket to this machine; `serve` waits for 15 s. */
const requestTimeoutMs = 250;

await live(JSON.parse(process.argv[2]!) as DeliveryStart);

async function live({ storeFile, urls }: DeliveryStart): Promise<void> {
  const ask = listenForLeave();
  const kept = await openEmbeddedStore(storeFile, { survives: 'crash' });
  const known = await readEvents(kept);
  const kinds = new Set(known.map(({ kind }) => kind));
  const { ports, clock } = samplePorts({ store: askAround(kept, kinds, ask), fromMs: known.at(-1)?.atMs ?? fromMs });
  const targets = targetsAt(urls);
  const oncall = {
    ...sampleOncall,
    targets: targets.map(({ name, kind, url, isPrivate }) => ({ name, kind, url, isPrivate })),
    owners: [{ name: 'orders', page: ['pager', 'events'], notice: [], escalate: ['lead'], keys: [] }],
    routes: [],
  };
  const messenger = askAroundDeliveries(createMessenger({ targets, clock, requestTimeoutMs }), ask);
  const system = await compose({ ...sampleOptions(), oncall }, { ...ports, messenger });
  const tell = (kind: 'incident.opened' | 'incident.closed'): void => {
    const body = {
      function: 'service:orders-db',
      incident: 'trouble',
      id: 'service:orders-db@1',
      severity: 'critical',
    };
    const draft = { atMs: clock.nowMs(), kind, actor: 'engine', body: { ...body, because: '43 % of requests fail' } };
    system.admit({ kind: 'told', draft });
  };
  while (clock.nowMs() < fromMs + lastsMs) {
    const atMs: EpochMs = clock.nowMs() - fromMs;
    if (atMs >= openAfterMs && !kinds.has('incident.opened')) tell('incident.opened');
    else if (atMs >= closeAfterMs && !kinds.has('incident.closed')) tell('incident.closed');
    clock.advanceTo(clock.nowMs() + msPerSecond);
    await system.tick();
    do await new Promise((resolve) => void setImmediate(resolve));
    while (system.pendingEffectCount() > 0);
  }
  await system.stop('the episode is told');
  report({ kind: 'ended' });
  process.disconnect();
}

function targetsAt({ pager, lead, events }: DeliveryStart['urls']): readonly SecretTarget[] {
  const routingKey = (text: string) => [{ reveal: () => text.padEnd(32, '-') }];
  const secret = `whsec_${Buffer.alloc(24).toString('base64')}`;
  return [
    { name: 'pager', kind: 'pagerduty', url: pager, isPrivate: false, secrets: routingKey('pager') },
    { name: 'lead', kind: 'pagerduty', url: lead, isPrivate: false, secrets: routingKey('lead') },
    { name: 'events', kind: 'cloudevent', url: events, isPrivate: false, secrets: [{ reveal: () => secret }] },
  ];
}

/** Whoever is gone is not told; `disconnect` ends this process. */
function report(said: DeliveryReport): void {
  process.send!(said, undefined, undefined, () => undefined);
}

type Ask = (name: string) => Promise<void>;

function listenForLeave(): Ask {
  const waiting = new Map<number, () => void>();
  let idNext = 0;
  process.on('message', ({ id }: { readonly id: number }) => {
    const go = waiting.get(id);
    assert(go !== undefined, 'leave for a step that waits');
    waiting.delete(id);
    go();
  });
  // Whoever is gone gives no leave any more.
  process.on('disconnect', () => process.exit());
  return (name) =>
    new Promise((resolve) => {
      const id = idNext++;
      waiting.set(id, resolve);
      report({ kind: 'step', id, name });
    });
}

/** Steps around what is said of the episode and of its messages; whatever else is written is not part of a delivery. */
function askAround(store: Store, kinds: Set<AuditEvent['kind']>, ask: Ask): Store {
  return {
    ...store,
    async append(records, after) {
      const written = records
        .filter(({ stream }) => stream === 'audit')
        .map(({ bytes }) => (JSON.parse(new TextDecoder().decode(bytes)) as AuditEvent).kind);
      const told = written.filter((kind) => kind.startsWith('incident.') || kind.startsWith('notification.'));
      if (told.length > 0) await ask(`before ${told.join(', ')}`);
      const head = await store.append(records, after);
      for (const kind of written) kinds.add(kind);
      if (told.length > 0) await ask(`after ${told.join(', ')}`);
      return head;
    },
  };
}

function askAroundDeliveries(messenger: Messenger, ask: Ask): Messenger {
  return {
    async deliver(delivery, signal) {
      const { target, notification } = delivery;
      await ask(`sending ${notification.step} to ${target}`);
      const outcome = await messenger.deliver(delivery, signal);
      if (outcome.kind === 'taken') report({ kind: 'taken', target, lateMs: outcome.atMs - notification.atMs });
      await ask(`${outcome.kind} ${notification.step} by ${target}`);
      return outcome;
    },
  };
}

async function readEvents(store: Store): Promise<readonly AuditEvent[]> {
  const events: AuditEvent[] = [];
  for await (const { bytes } of store.read(0, 'audit'))
    events.push(JSON.parse(new TextDecoder().decode(bytes)) as AuditEvent);
  return events;
}
