/**
 * What programs call time zones, and which zone they mean. Calendars name zones as Windows does, as their vendor does, or as Unix did; a
 * library that shrugs and takes the machine's own zone puts 08:30 in New York four hours off.
 *
 * - Unicode CLDR, supplemental data, windowsZones (territory 001): the Windows names.
 * - IANA time zone database: `backward` for US/Eastern and its like, and the names that Unix systems had before it.
 */

/** Windows names: the first word of each line is the zone, the rest its names, with a bar between. */
const windowsZones = `
Etc/UTC                        UTC | Coordinated Universal Time | tzone://Microsoft/Utc | Z
Pacific/Honolulu               Hawaiian Standard Time
America/Adak                   Aleutian Standard Time
America/Anchorage              Alaskan Standard Time
America/Tijuana                Pacific Standard Time (Mexico)
America/Los_Angeles            Pacific Standard Time
America/Phoenix                US Mountain Standard Time
America/Mazatlan               Mountain Standard Time (Mexico)
America/Denver                 Mountain Standard Time
America/Whitehorse             Yukon Standard Time
America/Guatemala              Central America Standard Time
America/Chicago                Central Standard Time
America/Mexico_City            Central Standard Time (Mexico)
America/Regina                 Canada Central Standard Time
Pacific/Easter                 Easter Island Standard Time
America/Bogota                 SA Pacific Standard Time
America/Cancun                 Eastern Standard Time (Mexico)
America/New_York               Eastern Standard Time
America/Port-au-Prince         Haiti Standard Time
America/Havana                 Cuba Standard Time
America/Indianapolis           US Eastern Standard Time
America/Grand_Turk             Turks And Caicos Standard Time
America/Asuncion               Paraguay Standard Time
America/Halifax                Atlantic Standard Time
America/Caracas                Venezuela Standard Time
America/Cuiaba                 Central Brazilian Standard Time
America/La_Paz                 SA Western Standard Time
America/Santiago               Pacific SA Standard Time
America/St_Johns               Newfoundland Standard Time
America/Araguaina              Tocantins Standard Time
America/Sao_Paulo              E. South America Standard Time
America/Cayenne                SA Eastern Standard Time
America/Argentina/Buenos_Aires Argentina Standard Time
America/Montevideo             Montevideo Standard Time
America/Punta_Arenas           Magallanes Standard Time
America/Miquelon               Saint Pierre Standard Time
America/Bahia                  Bahia Standard Time
America/Nuuk                   Greenland Standard Time
Atlantic/Azores                Azores Standard Time
Atlantic/Cape_Verde            Cape Verde Standard Time
Europe/London                  GMT Standard Time
Atlantic/Reykjavik             Greenwich Standard Time
Africa/Casablanca              Morocco Standard Time
Europe/Berlin                  W. Europe Standard Time
Europe/Budapest                Central Europe Standard Time
Europe/Paris                   Romance Standard Time
Europe/Warsaw                  Central European Standard Time
Africa/Lagos                   W. Central Africa Standard Time
Africa/Windhoek                Namibia Standard Time
Asia/Amman                     Jordan Standard Time
Europe/Athens                  GTB Standard Time
Asia/Beirut                    Middle East Standard Time
Africa/Cairo                   Egypt Standard Time
Europe/Chisinau                E. Europe Standard Time
Asia/Damascus                  Syria Standard Time
Asia/Hebron                    West Bank Standard Time
Africa/Johannesburg            South Africa Standard Time
Europe/Kyiv                    FLE Standard Time
Asia/Jerusalem                 Israel Standard Time
Europe/Kaliningrad             Kaliningrad Standard Time
Africa/Khartoum                Sudan Standard Time
Africa/Tripoli                 Libya Standard Time
Asia/Baghdad                   Arabic Standard Time
Europe/Istanbul                Turkey Standard Time
Asia/Riyadh                    Arab Standard Time
Europe/Minsk                   Belarus Standard Time
Europe/Moscow                  Russian Standard Time
Africa/Nairobi                 E. Africa Standard Time
Asia/Tehran                    Iran Standard Time
Asia/Dubai                     Arabian Standard Time
Asia/Baku                      Azerbaijan Standard Time
Europe/Samara                  Russia Time Zone 3
Indian/Mauritius               Mauritius Standard Time
Asia/Tbilisi                   Georgian Standard Time
Asia/Yerevan                   Caucasus Standard Time
Asia/Kabul                     Afghanistan Standard Time
Asia/Tashkent                  West Asia Standard Time
Asia/Yekaterinburg             Ekaterinburg Standard Time
Asia/Karachi                   Pakistan Standard Time
Asia/Kolkata                   India Standard Time
Asia/Colombo                   Sri Lanka Standard Time
Asia/Kathmandu                 Nepal Standard Time
Asia/Almaty                    Central Asia Standard Time
Asia/Dhaka                     Bangladesh Standard Time
Asia/Novosibirsk               N. Central Asia Standard Time
Asia/Yangon                    Myanmar Standard Time
Asia/Bangkok                   SE Asia Standard Time
Asia/Krasnoyarsk               North Asia Standard Time
Asia/Shanghai                  China Standard Time
Asia/Irkutsk                   North Asia East Standard Time
Asia/Singapore                 Singapore Standard Time
Australia/Perth                W. Australia Standard Time
Asia/Taipei                    Taipei Standard Time
Asia/Ulaanbaatar               Ulaanbaatar Standard Time
Asia/Tokyo                     Tokyo Standard Time
Asia/Pyongyang                 North Korea Standard Time
Asia/Seoul                     Korea Standard Time
Asia/Yakutsk                   Yakutsk Standard Time
Australia/Adelaide             Cen. Australia Standard Time
Australia/Darwin               AUS Central Standard Time
Australia/Brisbane             E. Australia Standard Time
Australia/Sydney               AUS Eastern Standard Time
Pacific/Port_Moresby           West Pacific Standard Time
Australia/Hobart               Tasmania Standard Time
Asia/Vladivostok               Vladivostok Standard Time
Australia/Lord_Howe            Lord Howe Standard Time
Pacific/Guadalcanal            Central Pacific Standard Time
Pacific/Auckland               New Zealand Standard Time
Pacific/Fiji                   Fiji Standard Time
Pacific/Chatham                Chatham Islands Standard Time
Pacific/Tongatapu              Tonga Standard Time
Pacific/Apia                   Samoa Standard Time
`;

/** What Outlook shows people, and what statistical offices, brokers and old Unix systems write. */
const otherNames = `
America/New_York    Eastern Time (US & Canada) | Eastern Time | US Eastern | US-Eastern | Eastern | EST5EDT
America/Chicago     Central Time (US & Canada) | Central Time | US Central | US-Central | CST6CDT
America/Denver      Mountain Time (US & Canada) | Mountain Time | US Mountain | US-Mountain | MST7MDT
America/Los_Angeles Pacific Time (US & Canada) | Pacific Time | US Pacific | US-Pacific | PST8PDT
America/Anchorage   Alaska | US-Alaska | AKST9AKDT
Pacific/Honolulu    Hawaii | US-Hawaii | HST10
America/Phoenix     Arizona | US-Arizona
America/Halifax     Atlantic Time (Canada) | AST4ADT
America/Sao_Paulo   Brasilia
America/Bogota      Bogota, Lima, Quito, Rio Branco
Europe/London       Dublin, Edinburgh, Lisbon, London
Europe/Berlin       Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna
Europe/Paris        Brussels, Copenhagen, Madrid, Paris
Europe/Budapest     Belgrade, Bratislava, Budapest, Ljubljana, Prague
Europe/Warsaw       Sarajevo, Skopje, Warsaw, Zagreb
Europe/Kyiv         Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius
Asia/Kolkata        Chennai, Kolkata, Mumbai, New Delhi
Asia/Shanghai       Beijing, Chongqing, Hong Kong, Urumqi
Asia/Singapore      Kuala Lumpur, Singapore
Asia/Taipei         Taipei
Asia/Tokyo          Osaka, Sapporo, Tokyo
Asia/Seoul          Seoul
Australia/Sydney    Canberra, Melbourne, Sydney
`;

const zoneByName: ReadonlyMap<string, string> = new Map(
  [windowsZones, otherNames].flatMap((table) =>
    table
      .trim()
      .split('\n')
      .flatMap((line) => {
        const [, zone, names] = /^(\S+)\s+(.+)$/.exec(line)!;
        return names!.split(' | ').map((name): [string, string] => [name.toLowerCase(), zone!]);
      }),
  ),
);

/**
 * Three letters mean a standard time the year round, a summer time that somebody forgot to change, or two zones on two continents (IST, CST,
 * BST). Only these mean one thing.
 */
const certainAbbreviations = ['UTC', 'GMT', 'CET', 'EET', 'MET', 'WET'];

const nameLengthMax = 120;

/**
 * The IANA zone that a name means: an IANA name itself, plain, quoted, with a vendor's prefix (`X-`, `/vendor.example/2025/Europe/Paris`) or
 * with dashes for slashes; a Windows name; what Outlook shows, with or without `(UTC-05:00)`; `EST5EDT` and its like, with or without the rules of
 * POSIX after it. Undefined for every other, a bare `EST` among them: in summer nobody knows what it says.
 */
export function ianaZoneOf(name: string): string | undefined {
  if (name.length > nameLengthMax) return undefined;
  for (const candidate of candidatesOf(name)) {
    const known = zoneByName.get(candidate.toLowerCase());
    if (known !== undefined) return known;
    if (isIanaName(candidate)) return candidate;
  }
  return undefined;
}

function candidatesOf(name: string): readonly string[] {
  const plain = name
    .trim()
    .replace(/^["'](.*)["']$/, '$1')
    .replace(/^X-/i, '')
    .replace(/^\((?:UTC|GMT)[^)]{0,12}\)\s*/i, '')
    .replace(/^([A-Z]{3,4}\d{1,2}[A-Z]{3,4}),.*$/, '$1')
    .trim();
  const segments = plain.split('/');
  // A vendor's name ends in the IANA name, which has two parts or three.
  const tails = plain.startsWith('/') ? [-3, -2].map((count) => segments.slice(count).join('/')) : [];
  return [plain, ...tails, plain.replace('-', '/')];
}

function isIanaName(name: string): boolean {
  if (!/^[A-Za-z]{2,}[A-Za-z0-9_+/-]*$/.test(name)) return false;
  if (/^[A-Za-z]{3}$/.test(name) && !certainAbbreviations.includes(name.toUpperCase())) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
