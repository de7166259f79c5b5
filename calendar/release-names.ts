/**
 * From the title of a release, as agencies and feeds print it, to the kind whose members move demand alike.
 *
 * A pattern is held to the start of the title, so that "UK Consumer Price Index" is no American release, and to a word's end, so that "Employment
 * Situation of Veterans" is not payrolls. What no pattern knows gets a kind of its own, made of its title without dates: the twelve issues of one
 * report then share one kind.
 */
import type { Importance } from '../core/market-event.ts';

export interface Release {
  readonly kind: string;
  readonly importance: Importance;
}

/** Kind, importance, and how titles begin. Of two that fit, the first. Importance as US trading desks rank them: 3 moves every market. */
const releases: readonly (readonly [kind: string, importance: Importance, titles: RegExp])[] = [
  ['nfp', 3, /^(the )?employment situation|^non-?farm payrolls?|^nfp/],
  ['cpi', 3, /^(core )?(consumer price index|cpi)/],
  ['ppi', 2, /^(core )?(producer price index(es)?|ppi)/],
  [
    'fomc_minutes',
    2,
    /^(fomc|federal open market committee)( meeting)? minutes|^minutes of the (fomc|federal open market committee)/,
  ],
  ['fomc_presser', 3, /^(fomc|fed|federal open market committee)( chair(man)?)?( powell)? press conference/],
  [
    'fomc',
    3,
    /^(fomc|federal open market committee)( (meeting|decision|statement|announcement|rate decision|interest rate decision))*|^(fed|federal funds)( interest)? rate decision/,
  ],
  [
    'pce',
    3,
    /^personal income and outlays|^personal income and spending|^(core )?(pce|personal consumption expenditures)( price index)?/,
  ],
  ['gdp', 3, /^(gross domestic product|gdp)(,? (advance|second|third|preliminary|final) estimate)?/],
  ['retail_sales', 3, /^(advance )?(monthly )?(retail sales|sales for retail and food services|retail trade)/],
  ['jobless_claims', 2, /^(unemployment insurance weekly claims|(initial |weekly )?jobless claims)/],
  ['jolts', 2, /^job openings and labor turnover( survey| summary)?|^jolts/],
  ['ism_manufacturing', 2, /^ism manufacturing( pmi| index)?|^manufacturing ism report on business/],
  ['ism_services', 2, /^ism (non-manufacturing|services)( pmi| index)?|^services ism report on business/],
  ['consumer_confidence', 2, /^(cb |conference board )?consumer confidence( index)?/],
  [
    'consumer_sentiment',
    2,
    /^(university of michigan |uom |michigan )(consumer )?sentiment( index)?|^surveys? of consumers/,
  ],
  ['durable_goods', 2, /^(advance (report on )?)?durable goods( orders)?/],
  ['housing_starts', 2, /^(new residential construction|housing starts)( and building permits)?/],
  ['new_home_sales', 1, /^(new home sales|new residential sales)/],
  ['existing_home_sales', 1, /^existing home sales/],
  ['trade_balance', 1, /^((u\.?s\.? )?international trade in goods and services|trade balance)/],
  ['industrial_production', 1, /^industrial production( and capacity utilization)?/],
  ['import_prices', 1, /^(u\.?s\.? )?import and export price index(es)?|^import prices/],
  ['employment_cost', 2, /^employment cost index/],
  ['productivity', 1, /^productivity and costs/],
  ['adp', 2, /^adp( national)? employment( report| change)?/],
  ['beige_book', 1, /^(the )?beige book/],
  ['petroleum_status', 1, /^(eia )?(weekly petroleum status report|crude oil inventories)/],
  ['ecb_presser', 2, /^(ecb|european central bank) press conference/],
  [
    'ecb',
    2,
    /^(ecb|european central bank)( governing council)?( monetary policy)? (meeting|decision|statement|rate decision|interest rate decision)/,
  ],
  ['boe', 2, /^(boe|bank of england)( mpc| bank)? (meeting|decision|rate decision|interest rate decision)/],
];

// After its name a title may say of when it is, or what it is: a report, revised, month on month. Anything else makes another release of it.
const tailPattern =
  /^\s*($|[:;,(/|–—-]|(for|report|release|summary|news|data|index|m\/m|y\/y|q\/q|mom|yoy|qoq|day|week|january|february|march|april|may|june|july|august|september|october|november|december|\d{4}|q[1-4])\b)/;

/** The agencies that print these releases, and the country, before a title. */
const prefixPattern =
  /^((u\.?s\.?a?\.?|united states|american|bls|bea|census|fed|federal reserve|dol|eta)( [:–—-])?[:\s]\s*)+(?=[a-z])/;

/** Undefined for a title that no pattern knows. */
export function recogniseRelease(title: string): Release | undefined {
  const plain = title.slice(0, 240).toLowerCase().replace(/\s+/g, ' ').trim();
  for (const text of [plain, plain.replace(prefixPattern, '')]) {
    for (const [kind, importance, titles] of releases) {
      const match = titles.exec(text);
      if (match && tailPattern.test(text.slice(match[0].length))) return { kind, importance };
    }
  }
  return undefined;
}

/** The release of a kind that is already named; undefined for a kind that is none of ours. */
export function releaseOfKind(kind: string): Release | undefined {
  const row = releases.find(([known]) => known === kind);
  return row && { kind, importance: row[1] };
}

const kindLengthMax = 40;
const months =
  'jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?';
const datePattern = new RegExp(
  `\\b(for )?((the )?(${months})\\b\\.?( \\d{1,2}(st|nd|rd|th)?,?)?( \\d{4})?|(week ending|week of)\\b.*|q[1-4]( \\d{4})?|(first|second|third|fourth|1st|2nd|3rd|4th) quarter( (of )?\\d{4})?|\\d+)(?=\\W|$)`,
  'g',
);

/** Lower-case snake case: `Wholesale Trade for September 2025` is `wholesale_trade`. `event` where nothing is left. */
export function kindFromTitle(title: string): string {
  const words = title
    .slice(0, 240)
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(datePattern, ' ')
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[_0-9]+|_+$/g, '');
  const short = words.length <= kindLengthMax ? words : words.slice(0, kindLengthMax + 1).replace(/_[^_]*$/, '');
  return short.slice(0, kindLengthMax) || 'event';
}
