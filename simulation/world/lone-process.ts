/**
 * The production system in a process of its own, so that it can be killed: composed on a store in a file, on a clock that somebody else moves, against a
 * twin that lives elsewhere. The first argument is a LoneStart; everything else comes by message.
 */
import type { AuditEvent } from '../../core/audit.ts';
import type { Store } from '../../core/ports.ts';
import { msPerMinute, msPerSecond, type EpochMs } from '../../core/time.ts';
import { createVirtualClock } from '../../core/virtual-clock.ts';
import { createLog } from '../../service/log.ts';
import { openEmbeddedStore } from '../../store/embedded.ts';
import { listenToOrders, type Orders } from './child-orders.ts';
import { castDemo, composeOn } from './demo.ts';
import { createDrive } from './drive.ts';
import type { Durable, LoneOrder, LoneReport, LoneStart, VolumeTold } from './lone-messages.ts';

await live(JSON.parse(process.argv[2]!) as LoneStart);

async function live({ day, seed, fromMs, nowMs, storeFile, endpointUrl }: LoneStart): Promise<void> {
  const orders = listenToOrders<LoneOrder, LoneReport>();
  const { signal } = new AbortController();
  const source = { kind: 'simulated', day, ...(fromMs !== undefined && { fromMs }) } as const;
  const { systemOptions } = await castDemo({ source, seed, signal });
  const clock = createVirtualClock(nowMs);
  const beforeCall = (): Promise<void> => orders.ask((id) => ({ kind: 'calling', atMs: clock.nowMs(), id }));
  const drive = createDrive({ clock, endpointUrl, beforeCall });
  const store = reportAppends(await openEmbeddedStore(storeFile), orders);
  const system = await composeOn(drive.ports, systemOptions, { store, log: createLog('silent') });
  await drive.settled();
  tell({ kind: 'began' });

  const play = async (untilMs: EpochMs, volumes: readonly VolumeTold[]): Promise<void> => {
    while (clock.nowMs() < untilMs) {
      tell({ kind: 'second', atMs: clock.nowMs() });
      await drive.passTo(clock.nowMs() + msPerSecond);
      for (const told of volumes)
        if (told.bucketAtMs + msPerMinute === clock.nowMs()) system.admit({ kind: 'volume', ...told });
      await drive.tick(system);
      // As often as the service does.
      if (clock.nowMs() % msPerMinute === 0) await system.saveSnapshot();
    }
    tell({ kind: 'played', atMs: clock.nowMs() });
  };
  for (;;) {
    const order = await orders.next();
    if (order.kind === 'play') {
      await play(order.untilMs, order.volumes);
      continue;
    }
    await system.stop(order.because);
    tell({ kind: 'stopped' });
    process.disconnect();
    return;
  }
}

function tell(report: LoneReport): void {
  process.send!(report);
}

/** Says before and after each append what becomes durable; goes on only once that has been heard. */
function reportAppends(store: Store, orders: Orders<LoneOrder, LoneReport>): Store {
  return {
    ...store,
    async append(records, after) {
      const events = records
        .filter(({ stream }) => stream === 'audit')
        .map(({ bytes }) => JSON.parse(new TextDecoder().decode(bytes)) as AuditEvent);
      const isOfAction = events.some(({ kind }) => kind === 'action.intended' || kind === 'action.outcome');
      const lastEvent = events.at(-1);
      const last: Durable | undefined = lastEvent && { seq: lastEvent.seq, hash: lastEvent.hash };
      tell({ kind: 'appending', isOfAction });
      const head = await store.append(records, after);
      await orders.ask((id) => ({ kind: 'appended', isOfAction, id, ...(last && { last }) }));
      return head;
    },
  };
}
