/** Every verb, in alphabetical order: the list that `--help` shows. */
import { approveVerb } from './approve.ts';
import { auditExportVerb } from './audit-export.ts';
import { auditReplayVerb } from './audit-replay.ts';
import { auditShowVerb } from './audit-show.ts';
import { auditVerifyVerb } from './audit-verify.ts';
import { backtestVerb } from './backtest.ts';
import { brakeVerb } from './brake.ts';
import { breakerForceVerb, breakerListVerb } from './breaker.ts';
import { calendarCheckVerb } from './calendar-check.ts';
import { calendarConfirmVerb } from './calendar-confirm.ts';
import { calendarDiffVerb } from './calendar-diff.ts';
import { calendarImportVerb } from './calendar-import.ts';
import { configCheckVerb } from './config-check.ts';
import { demoVerb } from './demo.ts';
import { detectVerb } from './detect.ts';
import { doctorVerb } from './doctor.ts';
import { explainVerb } from './explain.ts';
import { forecastVerb } from './forecast.ts';
import { historyImportVerb } from './history-import.ts';
import { holdVerb } from './hold.ts';
import { oncallTestVerb } from './oncall-test.ts';
import { planVerb } from './plan.ts';
import { playbookCheckVerb, playbookDryRunVerb, playbookRunVerb, playbookStatusVerb } from './playbook.ts';
import { serveVerb } from './serve.ts';
import { simulateVerb } from './simulate.ts';
import { twinVerb } from './twin.ts';
import type { Verb } from './verb.ts';
import { warmVerb } from './warm.ts';

export const verbs: readonly Verb[] = [
  approveVerb,
  auditExportVerb,
  auditReplayVerb,
  auditShowVerb,
  auditVerifyVerb,
  backtestVerb,
  brakeVerb,
  breakerForceVerb,
  breakerListVerb,
  calendarCheckVerb,
  calendarConfirmVerb,
  calendarDiffVerb,
  calendarImportVerb,
  configCheckVerb,
  demoVerb,
  detectVerb,
  doctorVerb,
  explainVerb,
  forecastVerb,
  historyImportVerb,
  holdVerb,
  oncallTestVerb,
  planVerb,
  playbookCheckVerb,
  playbookDryRunVerb,
  playbookRunVerb,
  playbookStatusVerb,
  serveVerb,
  simulateVerb,
  twinVerb,
  warmVerb,
];
