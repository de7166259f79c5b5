/** `foreshock serve`: the service. */
import { runService } from '../service/main.ts';
import { createLog, type LogLevel } from '../service/log.ts';
import { InputError } from '../core/errors.ts';
import { loadNamedConfig } from './config-flags.ts';
import { numberFlag } from './flags.ts';
import { parseFlags, printJson, type Verb } from './verb.ts';

const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

export const serveVerb: Verb = {
  name: 'serve',
  summary: 'the service: plans, warms, records; API and page',
  usage: `
  foreshock serve --config F [--store F] [--port N] [--log info] [--json]

Runs until it is asked to stop (Ctrl-C, SIGTERM), then finishes what it began. Logs go to stderr, a JSON line an event.

  --config F   the configuration (see config/examples/)
  --store F    the store, in place of the configuration's
  --port N     the port, in place of the configuration's; 0 takes a free one
  --log LEVEL  debug, info (the default), warn, error or silent
  --json       print where it listens as JSON

An edit of the configuration or of a calendar is checked and taken over while it runs; one with faults leaves what was in force, and is logged.

Mode enforce wants AWS or a running twin (foreshock twin) at the other end, a stated ownership, and on AWS a role for EventBridge Scheduler:
see foreshock config check --terraform.`,
  async run(args, terminal) {
    const { values } = parseFlags(args, {
      config: { type: 'string' },
      store: { type: 'string' },
      port: { type: 'string' },
      log: { type: 'string', default: 'info' },
      json: { type: 'boolean', default: false },
    });
    const level = logLevels.find((known) => known === values.log);
    if (!level) throw new InputError('usage', `--log ${values.log}: expected ${logLevels.join(', ')}`);
    const chosenPort =
      values.port === undefined ? undefined : numberFlag('--port', values.port, { min: 0, max: 65_535, isWhole: true });
    const readConfig = async () => {
      const config = await loadNamedConfig(values.config, terminal);
      return { ...config, http: { ...config.http, port: chosenPort ?? config.http.port } };
    };
    const config = await readConfig();
    await runService({
      config,
      readConfig,
      storeFile: values.store ?? config.store,
      env: terminal.env,
      log: createLog(level),
      signal: terminal.signal,
      out: (text) => terminal.out(text),
      onListening: (url) => {
        if (values.json) printJson(terminal, { url });
        else terminal.out(`${url}\n`);
      },
    });
    return 0;
  },
};
