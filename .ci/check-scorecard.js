// Reads a scorecard and says whether the promises of a demo were kept: each event of importance 3 warm three minutes before it, a tenth of the
// cold starts in its half hour at most, the fault of the second act an incident within three seconds and one page a second after it, nothing else either, the audit chain whole.
import { readFileSync } from 'node:fs';

const scorecard = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const faults = [];
let prewarmCount = 0;
for (const { function: name, prewarms, eventWindows } of scorecard.functions) {
  for (const { eventId, importance, minutesEarly } of prewarms) {
    prewarmCount++;
    if (importance === 3 && !(minutesEarly >= 3))
      faults.push(`${name}: ${eventId} was READY ${minutesEarly} min early, and 3 are promised`);
  }
  console.log(
    name,
    prewarms.map((p) => `${p.eventId} ${p.concurrency} READY ${p.minutesEarly?.toFixed(1)} min early`).join('; '),
  );
  for (const { eventId, with: yes, without: no } of eventWindows)
    console.log(`  ${eventId}: cold starts ${yes.coldStarts}, without ${no.coldStarts}`);
}
{
  const ids = new Set(
    scorecard.functions.flatMap((f) => f.prewarms.filter((p) => p.importance === 3).map((p) => p.eventId)),
  );
  for (const id of ids) {
    const windows = scorecard.functions.flatMap((f) => f.eventWindows.filter((w) => w.eventId === id));
    const sum = (side) => windows.reduce((total, window) => total + window[side].coldStarts, 0);
    if (sum('with') > sum('without') / 10)
      faults.push(`${id}: ${sum('with')} cold starts with, ${sum('without')} without`);
  }
}
{
  // A second for the spans to come, one to be sure, and the second that the tick waits for.
  const withinMs = 3_000;
  const { firstBadSpanAtMs, findingAtMs, incidentAtMs, breakerOpenAtMs, pageAtMs, recoveredAtMs } = scorecard.fault;
  const { breakerClosedAtMs, breakerTransitions, resolvedAtMs, harmed } = scorecard.fault;
  const after = (atMs) => (atMs === null ? 'never' : `${((atMs - firstBadSpanAtMs) / 1_000).toFixed(1)} s`);
  console.log(
    `fault: finding ${after(findingAtMs)}, incident ${after(incidentAtMs)}, breaker open ${after(breakerOpenAtMs)}, page ${after(pageAtMs)}, requests recovered ${after(recoveredAtMs)}, breaker closed ${after(breakerClosedAtMs)} (${breakerTransitions} transitions), resolved ${after(resolvedAtMs)}; requests harmed ${harmed?.with}, without ${harmed?.without}`,
  );
  if (firstBadSpanAtMs === null) faults.push('no span was harmed: the second act was not played');
  else if (incidentAtMs === null || incidentAtMs - firstBadSpanAtMs > withinMs)
    faults.push(`the incident came after ${after(incidentAtMs)}, and 3 s are promised`);
  if (incidentAtMs !== null && !(pageAtMs !== null && pageAtMs - incidentAtMs <= 1_000))
    faults.push(`the page came after ${after(pageAtMs)}, and a second after the incident is promised`);
  if (scorecard.pages !== 1) faults.push(`${scorecard.pages} pages, and exactly 1 is promised`);
  if (!(scorecard.escalations <= 1)) faults.push(`${scorecard.escalations} escalations, and at most 1 is promised`);
  if (incidentAtMs !== null && !(breakerOpenAtMs !== null && breakerOpenAtMs - incidentAtMs <= 1_000))
    faults.push(`the breaker opened after ${after(breakerOpenAtMs)}, and a second after the incident is promised`);
  if (breakerClosedAtMs === null || breakerTransitions > 3)
    faults.push(
      `the breaker closed after ${after(breakerClosedAtMs)} in ${breakerTransitions} transitions, and 3 are promised`,
    );
  if (recoveredAtMs === null || resolvedAtMs === null) faults.push('the incident was never over');
  if (!(harmed && harmed.with < harmed.without / 10))
    faults.push(`${harmed?.with} requests were harmed, ${harmed?.without} without Foreshock`);
  if (scorecard.falseIncidents !== 0) faults.push(`${scorecard.falseIncidents} incidents were none`);
}
if (prewarmCount === 0) faults.push('nothing was warmed');
if (!scorecard.audit.verified) faults.push('the audit chain does not hold');
for (const fault of faults) console.error(fault);
process.exitCode = faults.length === 0 ? 0 : 1;
