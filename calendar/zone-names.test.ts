import { expect, it } from 'vitest';
import { createZone } from './zone.ts';
import { ianaZoneOf } from './zone-names.ts';

it.each([
  ['an IANA name', 'America/New_York', 'America/New_York'],
  ['one of three parts', 'America/Argentina/Buenos_Aires', 'America/Argentina/Buenos_Aires'],
  ['an old one', 'US/Eastern', 'US/Eastern'],
  ['quotes that came through', '"Europe/Paris"', 'Europe/Paris'],
  ['the Bureau of Labor Statistics', 'US-Eastern', 'America/New_York'],
  ['dashes for slashes', 'Europe-Paris', 'Europe/Paris'],
  ['an experimental prefix', 'X-America/Chicago', 'America/Chicago'],
  ['a vendor with a path', '/freeassociation.sourceforge.net/Europe/London', 'Europe/London'],
  [
    'a vendor with a path, three parts',
    '/vendor.example/20050126_1/America/Argentina/Salta',
    'America/Argentina/Salta',
  ],
  ['Windows', 'Eastern Standard Time', 'America/New_York'],
  ['Windows in other letters', 'tokyo standard time', 'Asia/Tokyo'],
  ['Windows, the one that sounds alike', 'US Eastern Standard Time', 'America/Indianapolis'],
  ['Windows, down under', 'AUS Eastern Standard Time', 'Australia/Sydney'],
  ['what Outlook shows', '(UTC-05:00) Eastern Time (US & Canada)', 'America/New_York'],
  ['what it showed', '(GMT+01.00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna', 'Europe/Berlin'],
  ['Exchange', 'tzone://Microsoft/Utc', 'Etc/UTC'],
  ['Unix', 'EST5EDT', 'America/New_York'],
  ['POSIX', 'CST6CDT,M3.2.0,M11.1.0', 'America/Chicago'],
  ['Greenwich', 'GMT', 'GMT'],
])('knows %s: %s', (_, name, zone) => expect(ianaZoneOf(name)).toBe(zone));

it.each([
  ['a standard time all the year, or a slip', 'EST'],
  ['two continents', 'IST'],
  ['a summer time', 'EDT'],
  ['an offset, which knows no summer', '-05:00'],
  ['an offset, dressed up', 'GMT-5'],
  ['what somebody made up', 'Customized Time Zone'],
  ['a place that is none', 'America/Gotham'],
  ['nothing', ''],
  ['a member of objects', 'constructor'],
  ['a book', 'Europe/'.repeat(100)],
])('knows not %s: %s', (_, name) => expect(ianaZoneOf(name)).toBeUndefined());

// Goal: no line of the table has a slip. Method: every Windows name that exchanges live by gives a zone that the database knows, with the
// standard offset that Windows shows beside it.
it.each([
  ['Pacific Standard Time', -8],
  ['Mountain Standard Time', -7],
  ['Central Standard Time', -6],
  ['Eastern Standard Time', -5],
  ['Atlantic Standard Time', -4],
  ['E. South America Standard Time', -3],
  ['GMT Standard Time', 0],
  ['W. Europe Standard Time', 1],
  ['Romance Standard Time', 1],
  ['Central Europe Standard Time', 1],
  ['FLE Standard Time', 2],
  ['South Africa Standard Time', 2],
  ['Russian Standard Time', 3],
  ['Arabian Standard Time', 4],
  ['India Standard Time', 5.5],
  ['SE Asia Standard Time', 7],
  ['China Standard Time', 8],
  ['Singapore Standard Time', 8],
  ['Taipei Standard Time', 8],
  ['Korea Standard Time', 9],
  ['Tokyo Standard Time', 9],
  ['AUS Eastern Standard Time', 11],
  ['New Zealand Standard Time', 13],
])('%s is %d hours from Greenwich in January', (name, hours) => {
  expect(createZone(ianaZoneOf(name)!).utcOffsetMsAt(Date.UTC(2026, 0, 15))).toBe(hours * 3_600_000);
});
