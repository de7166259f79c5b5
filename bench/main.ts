/** `npm run bench -- NAME [flags]`: one canonical workload each. A figure comes with its data, seed, versions, and a ratio to a peer from the same run. */
interface Bench {
  run(args: readonly string[]): Promise<void>;
}

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  'bad-days': () => import('./bad-days.ts'),
  boto3: () => import('./boto3.ts'),
  csv: () => import('./csv.ts'),
  deliveries: () => import('./deliveries.ts'),
  detect: () => import('./detect.ts'),
  faults: () => import('./faults.ts'),
  explain: () => import('./explain.ts'),
  fit: () => import('./fit.ts'),
  fleet: () => import('./fleet.ts'),
  flood: () => import('./flood.ts'),
  forecast: () => import('./forecast.ts'),
  ingest: () => import('./ingest.ts'),
  'otlp-fuzz': () => import('./otlp-fuzz.ts'),
  plan: () => import('./plan.ts'),
  playbooks: () => import('./playbooks-killed.ts'),
  prewarm: () => import('./prewarm.ts'),
  recover: () => import('./recover.ts'),
  shared: () => import('./shared.ts'),
  spill: () => import('./spill.ts'),
  store: () => import('./store.ts'),
  surprise: () => import('./surprise.ts'),
  xray: () => import('./xray.ts'),
};

const [name = '', ...args] = process.argv.slice(2);
if (Object.hasOwn(benches, name)) {
  await (await benches[name]!()).run(args);
} else {
  const problem = name === '' ? 'name one' : `there is no "${name}"`;
  process.stderr.write(`bench: ${problem}: ${Object.keys(benches).join(', ')}\n`);
  process.exitCode = 2;
}
