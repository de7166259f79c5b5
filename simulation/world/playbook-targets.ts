/** Who is told in a playbook's world: a pager, a lead's pager, and a target of signed webhooks. All honour the keys that messages carry. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAlertBook } from './pager.ts';

/** By what a receiver knows it: how often each message came. */
export interface PlaybookTold {
  /** `pager` and `lead`: alerts opened, by target and key; above one where it opened another. */
  readonly alerts: Readonly<Record<string, number>>;
  /** Webhooks by their id: requests that brought it. */
  readonly webhooks: Readonly<Record<string, number>>;
}

export interface PlaybookTargets {
  readonly urls: { readonly pager: string; readonly lead: string; readonly events: string };
  told(): PlaybookTold;
  close(): Promise<void>;
}

/** @param isDeadly asked when a message has come and when it is taken; true: its sender has just died, and nothing is answered. */
export async function listenPlaybookTargets(isDeadly: (step: string) => boolean): Promise<PlaybookTargets> {
  const book = createAlertBook();
  const webhooks: Record<string, number> = {};
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('error', () => response.destroy());
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Readonly<Record<string, unknown>>;
      const isWebhook = request.url === '/events';
      const about = isWebhook ? `webhook` : String(body['event_action']);
      if (isDeadly(`told ${about}`)) return;
      const status = isWebhook
        ? take(request.headers['webhook-id'])
        : book.hear({ path: request.url!, body }, 0).status;
      if (!isDeadly(`taken ${about}`)) response.writeHead(status).end();
    });
  });
  const take = (id: string | string[] | undefined): number => {
    webhooks[String(id)] = (webhooks[String(id)] ?? 0) + 1;
    return 202;
  };
  await listening(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    urls: { pager: url, lead: url, events: `${url}/events` },
    told() {
      const alerts: Record<string, number> = {};
      for (const { routingKey, dedupKey } of book.alerts()) {
        const name = `${routingKey.replace(/-+$/, '')} ${dedupKey}`;
        alerts[name] = (alerts[name] ?? 0) + 1;
      }
      return { alerts, webhooks: { ...webhooks } };
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}
