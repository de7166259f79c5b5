/** `explain`: likely causes of trouble, from trace files, or from metrics and a call graph. */
import { readCallGraph, readMetricTable } from '../collectors/metric-lines.ts';
import { readTraces } from '../collectors/trace-file.ts';
import { InputError } from '../core/errors.ts';
import type { EpochMs } from '../core/time.ts';
import { explainMetrics, targetMetrics, type TargetMetric } from '../detector/explain/explain-metrics.ts';
import { explainTraces } from '../detector/explain/explain-traces.ts';
import type { Explanation } from '../detector/explain/explanation.ts';
import { instantFlag } from './flags.ts';
import { needed } from './history.ts';
import { printable } from './printable.ts';
import { formatTable } from './table.ts';
import { parseFlags, printJson, type Terminal, type Verb } from './verb.ts';

export const explainVerb: Verb = {
  name: 'explain',
  summary: 'ranks likely causes of trouble, from traces or metrics',
  usage: `
foreshock explain --traces F… --at T [--baseline F…] [--json]
foreshock explain --metrics F --graph F --target NODE:METRIC --at T [--baseline F] [--json]

  --traces F         OTLP in JSON (one request, or one a line), or trace-lines/1; plain or gzip; may be repeated
  --metrics F        rows of latency, availability and requests by node, as JSON lines; plain or gzip
  --graph F          JSON {"calls":[["caller","callee"],…]}
  --target N:M       where it is felt: a node, and latency or availability
  --at T             when trouble began, or the alarm came
  --baseline F       the same without trouble; traces from before T serve as well; may be repeated for traces

The verdict is CONFIRMED, LIKELY or INCONCLUSIVE; no cause is named where nothing is out of the ordinary.
`,
  async run(args, terminal) {
    const { values: flags } = parseFlags(args, {
      traces: { type: 'string', multiple: true },
      metrics: { type: 'string' },
      graph: { type: 'string' },
      target: { type: 'string' },
      at: { type: 'string' },
      baseline: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    });
    if ((flags.traces === undefined) === (flags.metrics === undefined))
      throw new InputError('usage', 'give either --traces, or --metrics with --graph and --target');
    const atMs = instantFlag('--at', needed('--at', flags.at));
    const explanation =
      flags.metrics === undefined
        ? await fromTraces(flags.traces!, flags.baseline, atMs, terminal)
        : await fromMetrics(
            {
              metrics: flags.metrics,
              graph: needed('--graph', flags.graph),
              target: targetFlag(needed('--target', flags.target)),
              baseline: flags.baseline,
            },
            atMs,
            terminal,
          );
    if (flags.json) printJson(terminal, explanation);
    else terminal.out(render(explanation));
    return 0;
  },
};

async function fromTraces(
  paths: readonly string[],
  baselinePaths: readonly string[],
  atMs: EpochMs,
  { signal }: Terminal,
): Promise<Explanation> {
  const read = async (all: readonly string[]) =>
    (await Promise.all(all.map((path) => readTraces(path, signal)))).flat();
  return explainTraces({ traces: await read(paths), baseline: await read(baselinePaths), atMs });
}

interface MetricsFlags {
  readonly metrics: string;
  readonly graph: string;
  readonly target: { readonly node: string; readonly metric: TargetMetric };
  readonly baseline: readonly string[];
}

async function fromMetrics(flags: MetricsFlags, atMs: EpochMs, { signal }: Terminal): Promise<Explanation> {
  const [baseline, second] = flags.baseline;
  if (second !== undefined) throw new InputError('usage', '--baseline: one file of metrics is enough');
  const { target } = flags;
  return explainMetrics({
    table: await readMetricTable(flags.metrics, { atMs, ...target }, signal),
    calls: await readCallGraph(flags.graph, signal),
    target,
    atMs,
    ...(baseline !== undefined && { baseline: await readMetricTable(baseline, undefined, signal) }),
  });
}

/** A node's name may hold colons: the metric is what follows the last. */
function targetFlag(text: string): MetricsFlags['target'] {
  const at = text.lastIndexOf(':');
  const metric = targetMetrics.find((name) => name === text.slice(at + 1));
  if (at < 1 || metric === undefined)
    throw new InputError(
      'usage',
      `--target ${text}: expected NODE:METRIC, the metric one of ${targetMetrics.join(', ')}`,
    );
  return { node: text.slice(0, at), metric };
}

function render({ verdict, because, causes }: Explanation): string {
  const head = `${verdict}: ${printable(because)}\n`;
  if (causes.length === 0) return `${head}no cause is named\n`;
  const columns = [{ title: 'node' }, { title: 'where' }, { title: 'share', isNumber: true }, { title: 'evidence' }];
  const rows = causes.map(({ node, operation, score, evidence }) => [
    printable(node),
    printable(operation),
    `${(100 * score).toFixed(1)} %`,
    printable(evidence[0] ?? ''),
  ]);
  return `${head}\n${formatTable(columns, rows)}\n`;
}
