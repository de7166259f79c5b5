/**
 * Asks Foreshock whether calls go through. Never waits for an answer: a call is judged by what was heard last, and by nothing once that has ended.
 * Whatever goes wrong, calls go through.
 */

/** Beyond the wait that was asked for, an answer is not coming any more. */
const patienceMs = 5_000;

/** A waiting request does not live through the freeze between two invocations. */
const waitMsDefault = globalThis.process?.env?.AWS_LAMBDA_FUNCTION_NAME ? 0 : 20_000;

export function createBreakers({
  url,
  token,
  waitMs = waitMsDefault,
  everyMs = 2_000,
  fetch = globalThis.fetch,
  nowMs = Date.now,
  random = Math.random,
}) {
  const entries = new Map();

  function listen(name, entry) {
    const wait = entry.etag === undefined ? 0 : waitMs;
    // Counted on the clock and not by a timer: both may have stood still for an hour.
    const isAsking = entry.isAsking && nowMs() < entry.askedAtMs + entry.waitMs + patienceMs;
    if (isAsking || nowMs() < entry.askedAtMs + everyMs) return;
    const ask = { askedAtMs: nowMs(), waitMs: wait, isAsking: true };
    Object.assign(entry, ask);
    hear(name, entry, wait)
      .catch(() => undefined)
      .finally(() => {
        if (entry.askedAtMs === ask.askedAtMs) entry.isAsking = false;
      });
  }

  async function hear(name, entry, wait) {
    const response = await fetch(`${url}/v1/breakers/${encodeURIComponent(name)}?waitMs=${wait}`, {
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(entry.etag !== undefined && { 'if-none-match': entry.etag }),
      },
      signal: AbortSignal.timeout(wait + patienceMs),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return;
    }
    const told = await response.json();
    const { standing } = entry;
    const isOlder = standing !== undefined && nowMs() < standing.untilMs && told.revision < standing.revision;
    if (!isStanding(told) || isOlder) return;
    entry.standing = told;
    entry.etag = response.headers.get('etag') ?? undefined;
  }

  return {
    admits(name) {
      let entry = entries.get(name);
      if (!entry) entries.set(name, (entry = { askedAtMs: -Infinity, isAsking: false }));
      try {
        listen(name, entry);
      } catch {
        // Not even asking may stop a call.
      }
      const { standing } = entry;
      if (standing === undefined || standing.state === 'closed' || nowMs() >= standing.untilMs) return true;
      return random() < standing.admitRatio;
    },
    standing: (name) => entries.get(name)?.standing,
  };
}

function isStanding(told) {
  const { state, admitRatio, untilMs, revision } = told ?? {};
  const isRatio = typeof admitRatio === 'number' && admitRatio >= 0 && admitRatio <= 1;
  return (
    ['closed', 'open', 'half-open'].includes(state) && isRatio && Number.isFinite(untilMs) && Number.isFinite(revision)
  );
}
