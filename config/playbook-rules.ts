/** Rules that span the keys of a playbook. */
import type { Path } from './document.ts';
import { actKeys, stepKeys, type PlaybookDocument } from './playbook-schema.ts';
import { repeatsOf } from './repeats.ts';
import type { Breach, Draft } from './rules.ts';

type PlaybookDraft = Draft<PlaybookDocument>;
type StepDraft = Draft<PlaybookDocument['steps'][number]>;
type StepRule = (step: StepDraft, at: Path) => readonly Breach[];

export function findPlaybookBreaches(draft: PlaybookDraft): readonly Breach[] {
  const steps = draft.steps ?? [];
  return [
    ...steps.flatMap((step, index) => (step ? stepRules.flatMap((rule) => rule(step, ['steps', index])) : [])),
    ...repeatsOf<StepDraft>(steps, ({ id }) => id).map(({ index, firstIndex }) => ({
      path: ['steps', index, 'id'],
      expected: `each id once (it is steps[${firstIndex}] already)`,
    })),
    ...endsTooSoon(draft),
  ];
}

function exactlyOne(entry: object, keys: readonly string[], at: Path): readonly Breach[] {
  const stated = keys.filter((key) => key in entry);
  const expected = `exactly one of ${keys.join(', ')}`;
  // A faulty key beside it may be the one that was meant.
  if (stated.length === 0 && Object.values(entry).includes(undefined)) return [];
  if (stated.length === 0) return [{ path: at, got: 'none of them', expected }];
  return stated.slice(1).map((key) => ({ path: [...at, key], got: `${stated[0]!} as well`, expected }));
}

const oneKind: StepRule = (step, at) => exactlyOne(step, stepKeys, at);

const compensatesByOne: StepRule = ({ compensate }, at) =>
  typeof compensate === 'object' ? exactlyOne(compensate, actKeys, [...at, 'compensate']) : [];

const onlyWhatActsIsVerified: StepRule = (step, at) => {
  const acts = actKeys.some((key) => key in step);
  return step.verify === undefined || acts
    ? []
    : [
        {
          path: [...at, 'verify'],
          got: 'a verification of what changes nothing',
          expected: `one of ${actKeys.join(', ')} beside it`,
        },
      ];
};

const oneBound: StepRule = ({ verify }, at) =>
  verify === undefined ? [] : exactlyOne(verify, ['below', 'belowOfBefore'], [...at, 'verify']);

const verifiedInTime: StepRule = ({ verify }, at) =>
  verify?.forSeconds === undefined || verify.withinSeconds === undefined || verify.forSeconds <= verify.withinSeconds
    ? []
    : [{ path: [...at, 'verify', 'withinSeconds'], expected: `at least forSeconds (${verify.forSeconds})` }];

const stepRules: readonly StepRule[] = [oneKind, compensatesByOne, onlyWhatActsIsVerified, oneBound, verifiedInTime];

/** What ends before it is known whether all of it helped makes that unknowable: the trouble is back, and the later steps are blamed. */
function endsTooSoon({ steps = [], helpsWithinSeconds }: PlaybookDraft): readonly Breach[] {
  if (helpsWithinSeconds === undefined || steps.some((step) => step === undefined)) return [];
  const breaches: Breach[] = [];
  let remaining = helpsWithinSeconds;
  for (const [index, step] of [...steps.entries()].reverse()) {
    remaining += step!.verify?.withinSeconds ?? 0;
    const isStanding = ['reroute', 'addProvisioned', 'reserve', 'eventSource', 'breaker'].some((key) => key in step!);
    if (isStanding && step!.forSeconds !== undefined && step!.forSeconds < remaining)
      breaches.push({
        path: ['steps', index, 'forSeconds'],
        expected: `at least ${remaining}: so long it can take from this step until it is known whether all of them helped`,
      });
    remaining += (step!.wait?.seconds ?? 0) + (step!.approval?.withinSeconds ?? 0);
  }
  return breaches.reverse();
}
