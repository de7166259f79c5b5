// The page: asks the API once a second and draws what it says. Everything from the API is put in as text, never as markup.

const refreshMs = 1_000;
const byId = (id) => document.getElementById(id);
const clockText = (atMs) => new Date(atMs).toISOString().slice(11, 16);
const dayAndClockText = (atMs) => new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
const countText = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const usdText = (usd) => usd.toFixed(usd < 10 ? 3 : 2);
const shortName = (functionKey) => functionKey.split('/').at(-1);

async function read(path) {
  const response = await fetch(path, { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response.json();
}

function row(cells) {
  const line = document.createElement('tr');
  for (const { text, className = '' } of cells) {
    const cell = document.createElement('td');
    cell.textContent = text;
    cell.className = className;
    line.append(cell);
  }
  return line;
}

const text = (value, className) => ({ text: String(value), className });
const number = (value) => ({
  text: value === null || value === undefined ? '–' : countText.format(value),
  className: 'number',
});

const usd = (value) => text(value === undefined ? '–' : usdText(value), 'number');

function showStatus(status) {
  byId('title').textContent = status.title;
  byId('clock').textContent = `${dayAndClockText(status.nowMs)} UTC`;
  const next = status.nextEvent;
  byId('next-event').textContent = next
    ? `Next: ${next.title}, ${clockText(next.startsAtMs)}, in ${Math.max(0, Math.round((next.startsAtMs - status.nowMs) / 60_000))} min`
    : 'No event is ahead in the calendar.';
  byId('functions').replaceChildren(
    ...status.functions.map((entry) =>
      row([
        text(shortName(entry.function)),
        text(entry.mode),
        text(entry.state, `state-${entry.state}`),
        number(entry.concurrencyWanted),
        number(entry.concurrencyReady),
        text(entry.because, 'because'),
      ]),
    ),
  );
}

function showPlan(plan, nowMs) {
  const ahead = plan.steps.filter((step) => step.untilMs > nowMs);
  byId('plan').replaceChildren(
    ...ahead.map((step) =>
      row([
        text(shortName(step.function)),
        text(clockText(step.fromMs)),
        text(clockText(step.untilMs)),
        number(step.concurrency),
        text(usdText(step.usd), 'number'),
        text(step.bindingLimit),
        text(step.because, 'because'),
      ]),
    ),
  );
}

const localText = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
});

/** Why an event is warmed for that its calendar does not say so. */
const doubtWords = {
  'held-over': 'moved, cancelled or removed less than a day before: kept warm until confirmed',
  'sources-disagree': 'another calendar has another time: both are kept warm until confirmed',
  'lost-events': 'its feed lost it with many others: kept until confirmed',
};

const statusText = ({ id, status, isTimeAssumed, doubt }) => {
  const kept = doubt && `${doubtWords[doubt] ?? doubt} (foreshock calendar confirm ${id})`;
  return [status, isTimeAssumed && 'time assumed', kept].filter(Boolean).join('; ');
};

let shownCalendar = '';

function showCalendar(calendar) {
  // Left alone while it is the same, so that an id can be marked and copied.
  const said = JSON.stringify(calendar);
  if (said === shownCalendar) return;
  shownCalendar = said;
  byId('findings').replaceChildren(
    ...calendar.findings.map(({ severity, because }) => {
      const item = document.createElement('li');
      item.className = severity;
      item.textContent = because;
      return item;
    }),
  );
  byId('no-events').hidden = calendar.events.length > 0;
  byId('calendar-table').hidden = calendar.events.length === 0;
  byId('calendar').replaceChildren(
    ...calendar.events.map((event) => {
      const line = row([
        text(`${dayAndClockText(event.startsAtMs).slice(0, 16)}${event.isTimeAssumed ? ' ?' : ''}`, 'moment'),
        text([event.kind, ...event.symbols].join(' ')),
        text(event.title, 'title'),
        number(event.importance),
        text(statusText(event), event.doubt || event.isTimeAssumed ? 'doubted' : ''),
        text(event.calendar.split('/').at(-1), 'source'),
      ]);
      const here = document.createElement('span');
      here.textContent = localText.format(event.startsAtMs);
      line.firstChild.append(here);
      line.title = event.id;
      line.classList.toggle('cancelled', event.status === 'cancelled');
      return line;
    }),
  );
}

let shownIncidents = '';

function showIncidents({ open }) {
  // Left alone while they are the same, so that a link can be followed.
  const said = JSON.stringify(open);
  if (said === shownIncidents) return;
  shownIncidents = said;
  byId('no-incidents').hidden = open.length > 0;
  byId('incidents').replaceChildren(
    ...open.map((incident) => {
      const item = document.createElement('li');
      item.className = 'notice';
      const since = incident.openedAtMs === null ? '' : `${clockText(incident.openedAtMs)}Z `;
      const how = [incident.severity, incident.verdict, incident.state].filter(Boolean).join(', ');
      item.textContent = `${since}${shortName(incident.origin)}: ${incident.because ?? incident.kind} (${how})`;
      if (incident.kind === 'trouble') {
        const link = document.createElement('a');
        link.href = `api/incidents/${encodeURIComponent(incident.id)}?format=md`;
        link.textContent = ' report';
        item.append(link);
      }
      return item;
    }),
  );
}

function showScorecard(scorecard) {
  byId('scores').replaceChildren(
    ...scorecard.functions.map((entry) => {
      const yes = entry.with ?? {};
      const no = entry.without ?? {};
      return row([
        text(shortName(entry.function)),
        number(yes.requests),
        number(yes.coldStarts),
        number(no.coldStarts),
        number(yes.throttles),
        number(no.throttles),
        number(yes.durationMsP99),
        number(no.durationMsP99),
        usd(yes.provisionedUsd),
        usd(yes.totalUsd),
        usd(no.totalUsd),
      ]);
    }),
  );
  byId('prewarms').replaceChildren(
    ...scorecard.functions.flatMap((entry) =>
      entry.prewarms.map((prewarm) => {
        const item = document.createElement('li');
        const outcome =
          prewarm.readyAtMs === null ? 'was not READY in time' : `READY ${prewarm.minutesEarly.toFixed(1)} min early`;
        item.textContent = `${shortName(entry.function)}: ${prewarm.concurrency} for ${prewarm.eventId}, ${outcome}`;
        return item;
      }),
    ),
  );
}

const size = { width: 1000, height: 220, left: 56, right: 56, top: 12, bottom: 22 };

function svg(name, attributes, content) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (content !== undefined) element.textContent = content;
  return element;
}

/** Requests on the left axis, warm environments on the right. */
function chart(timeline, entry) {
  const points = entry.points;
  const untilMs = timeline.fromMs + points.length * timeline.stepMs;
  const highest = (values) => Math.max(1, ...values.filter((value) => value !== null));
  const requestMax = 1.1 * highest(points.flatMap((point) => [point.requests, point.expectedP95]));
  const concurrencyMax = 1.1 * highest(points.map((point) => point.concurrencyReady));
  const x = (atMs) =>
    size.left + ((atMs - timeline.fromMs) / (untilMs - timeline.fromMs)) * (size.width - size.left - size.right);
  const y = (value, max) => size.height - size.bottom - (value / max) * (size.height - size.top - size.bottom);
  const picture = svg('svg', { viewBox: `0 0 ${size.width} ${size.height}`, preserveAspectRatio: 'none', role: 'img' });
  picture.append(svg('title', {}, `${shortName(entry.function)}: requests a minute, forecast band and warm capacity`));

  for (const share of [0, 0.5, 1]) {
    const level = y((share * requestMax) / 1.1, requestMax);
    picture.append(
      svg('line', { class: 'grid-line', x1: size.left, x2: size.width - size.right, y1: level, y2: level }),
    );
    picture.append(
      svg(
        'text',
        { x: size.left - 6, y: level + 4, 'text-anchor': 'end' },
        countText.format((share * requestMax) / 1.1),
      ),
    );
    picture.append(
      svg('text', { x: size.width - size.right + 6, y: level + 4 }, countText.format((share * concurrencyMax) / 1.1)),
    );
  }
  for (const event of timeline.events) {
    if (event.startsAtMs < timeline.fromMs || event.startsAtMs >= untilMs) continue;
    const at = x(event.startsAtMs);
    picture.append(svg('line', { class: 'event-line', x1: at, x2: at, y1: size.top, y2: size.height - size.bottom }));
    picture.append(svg('text', { x: at + 4, y: size.top + 8 }, event.id.split('@')[0]));
  }
  const known = points.filter((point) => point.expectedP50 !== null);
  if (known.length > 1) {
    const upper = known.map((point) => `${x(point.atMs)},${y(point.expectedP95, requestMax)}`);
    const lower = known.map((point) => `${x(point.atMs)},${y(point.expectedP50, requestMax)}`).reverse();
    picture.append(svg('polygon', { class: 'forecast-band', points: [...upper, ...lower].join(' ') }));
  }
  const demand = points
    .filter((point) => point.requests !== null)
    .map((point) => `${x(point.atMs)},${y(point.requests, requestMax)}`);
  picture.append(svg('polyline', { class: 'demand-line', points: demand.join(' ') }));
  const warm = points.flatMap((point) => [
    `${x(point.atMs)},${y(point.concurrencyReady, concurrencyMax)}`,
    `${x(point.atMs + timeline.stepMs)},${y(point.concurrencyReady, concurrencyMax)}`,
  ]);
  picture.append(svg('polyline', { class: 'warm-line', points: warm.join(' ') }));
  for (const atMs of [timeline.fromMs, untilMs]) {
    picture.append(
      svg(
        'text',
        { x: x(atMs), y: size.height - 6, 'text-anchor': atMs === timeline.fromMs ? 'start' : 'end' },
        clockText(atMs),
      ),
    );
  }

  const figure = document.createElement('figure');
  const caption = document.createElement('figcaption');
  const keys = [
    [shortName(entry.function), ''],
    ['requests a minute (left)', 'key demand'],
    ['forecast, 0.5 to 0.95', 'key band'],
    ['warm environments (right)', 'key warm'],
  ];
  for (const [label, className] of keys) {
    const key = document.createElement('span');
    key.className = className;
    key.textContent = label;
    caption.append(key);
  }
  figure.append(caption, picture);
  return figure;
}

async function refresh() {
  try {
    const [status, plan, scorecard, timeline, calendar, incidents] = await Promise.all(
      ['api/status', 'api/plan', 'api/scorecard', 'api/timeline', 'api/calendar', 'api/incidents'].map(read),
    );
    showStatus(status);
    showPlan(plan, status.nowMs);
    showScorecard(scorecard);
    showCalendar(calendar);
    showIncidents(incidents);
    byId('charts').replaceChildren(
      ...timeline.functions.filter((entry) => entry.points.length > 0).map((entry) => chart(timeline, entry)),
    );
    byId('problem').hidden = true;
  } catch (error) {
    byId('problem').textContent = `What is shown may be old: ${error.message}`;
    byId('problem').hidden = false;
  }
  setTimeout(refresh, refreshMs);
}

await refresh();
