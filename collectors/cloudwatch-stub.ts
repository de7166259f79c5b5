/**
 * CloudWatch for tests: answers GetMetricData over real HTTP in the JSON 1.0 that the SDK speaks, from points that a test gives it, in pages. It knows nothing of Lambda.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { msPerSecond, type EpochMs } from '../core/time.ts';

/** `orders:live Invocations`, or `ClaimedAccountConcurrency` alone; instants to values. */
export type StubPoints = Readonly<Record<string, ReadonlyMap<EpochMs, number>>>;

export interface StubRequest {
  readonly MetricDataQueries: readonly {
    readonly Id: string;
    readonly MetricStat: {
      readonly Metric: {
        readonly Namespace: string;
        readonly MetricName: string;
        readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[];
      };
      readonly Period: number;
      readonly Stat: string;
    };
  }[];
  readonly StartTime: number;
  readonly EndTime: number;
  readonly NextToken?: string;
  readonly MaxDatapoints: number;
}

export interface CloudwatchStub {
  readonly url: string;
  readonly requests: readonly StubRequest[];
  /** What it has from now on. The points of one bucket are those of its start: nothing is summed. */
  has(points: StubPoints): void;
  /** The next requests are answered by these instead, in this order. */
  answer(...answers: readonly StubAnswer[]): void;
  close(): Promise<void>;
}

export interface StubAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** As the service puts an error: the name with its namespace in the body. */
export function stubError(status: number, name: string, message: string): StubAnswer {
  return { status, body: { __type: `com.amazonaws.cloudwatch#${name}`, message } };
}

export async function startCloudwatchStub({ pointsPerPage = 100_800 } = {}): Promise<CloudwatchStub> {
  const requests: StubRequest[] = [];
  const script: StubAnswer[] = [];
  let points: StubPoints = {};
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => (body += part));
    request.on('end', () => {
      const target = request.headers['x-amz-target'];
      const asked = JSON.parse(body) as StubRequest;
      requests.push(asked);
      const unknown = stubError(400, 'UnknownOperationException', String(target));
      const isKnown = target === 'GraniteServiceVersion20100801.GetMetricData';
      const answer =
        script.shift() ?? (isKnown ? { status: 200, body: pageOf(asked, points, pointsPerPage) } : unknown);
      response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    has: (next) => void (points = next),
    answer: (...answers) => void script.push(...answers),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** All points asked for in one row, cut into pages: a page may end within a metric, as real ones do. */
function pageOf(asked: StubRequest, points: StubPoints, pointsPerPage: number): unknown {
  const row = asked.MetricDataQueries.flatMap(({ Id, MetricStat }) => {
    const resource = MetricStat.Metric.Dimensions.find(({ Name }) => Name === 'Resource')?.Value;
    const name = [...(resource === undefined ? [] : [resource]), MetricStat.Metric.MetricName].join(' ');
    return [...(points[name] ?? [])]
      .map(([atMs, value]) => ({ Id, at: atMs / msPerSecond, value }))
      .filter(({ at }) => at >= asked.StartTime && at < asked.EndTime && at % MetricStat.Period === 0)
      .sort((one, other) => one.at - other.at);
  });
  const from = Number(asked.NextToken ?? 0);
  const page = row.slice(from, from + Math.min(pointsPerPage, asked.MaxDatapoints));
  const isLast = from + page.length >= row.length;
  const ids = from === 0 ? asked.MetricDataQueries.map(({ Id }) => Id) : [...new Set(page.map(({ Id }) => Id))];
  return {
    MetricDataResults: ids.map((id) => {
      const own = page.filter(({ Id }) => Id === id);
      return {
        Id: id,
        Label: id,
        Timestamps: own.map(({ at }) => at),
        Values: own.map(({ value }) => value),
        StatusCode: isLast ? 'Complete' : 'PartialData',
      };
    }),
    ...(!isLast && { NextToken: String(from + page.length) }),
    Messages: [],
  };
}
