import fc from 'fast-check';
import { expect, it } from 'vitest';
import { kindFromTitle, recogniseRelease, releaseOfKind } from './release-names.ts';

it.each([
  ['Employment Situation', 'nfp'],
  ['Employment Situation for October 2025', 'nfp'],
  ['The Employment Situation - October', 'nfp'],
  ['U.S. Nonfarm Payrolls', 'nfp'],
  ['BLS: Consumer Price Index for September 2025', 'cpi'],
  ['Core CPI m/m', 'cpi'],
  ['US CPI', 'cpi'],
  ['Producer Price Index', 'ppi'],
  ['Gross Domestic Product, 3rd Quarter 2025 (Advance Estimate)', 'gdp'],
  ['GDP (Third Estimate), Q2 2025', 'gdp'],
  ['Personal Income and Outlays, September 2025', 'pce'],
  ['Advance Monthly Sales for Retail and Food Services', 'retail_sales'],
  ['Unemployment Insurance Weekly Claims Report', 'jobless_claims'],
  ['Job Openings and Labor Turnover Survey for August 2025', 'jolts'],
  ['FOMC', 'fomc'],
  ['FOMC Meeting', 'fomc'],
  ['FOMC Rate Decision', 'fomc'],
  ['Federal Open Market Committee Meeting (October 28-29)', 'fomc'],
  ['FOMC Press Conference', 'fomc_presser'],
  ['FOMC Minutes', 'fomc_minutes'],
  ['ISM Manufacturing PMI', 'ism_manufacturing'],
  ['ECB Monetary Policy Decision', 'ecb'],
])('knows %s', (title, kind) => {
  expect(recogniseRelease(title)?.kind).toBe(kind);
  expect(releaseOfKind(kind)).toEqual(recogniseRelease(title));
});

it.each([
  ['another release of the same words', 'Employment Situation of Veterans'],
  ['a part of the country', 'State Employment and Unemployment'],
  ['a cut by state', 'Gross Domestic Product by State'],
  ['a cut by county', 'GDP by County, Metro, and Other Areas'],
  ['another country', 'UK Consumer Price Index'],
  ['a word that begins alike', 'Cpixel launch'],
  ['a person who speaks', 'Fed Chair testifies before the Senate'],
  ['an essay about it', 'What the FOMC Meeting means for you'],
  ['nothing', ''],
])('takes %s for none of them: %s', (_, title) => expect(recogniseRelease(title)).toBeUndefined());

it.each([
  ['Wholesale Trade for September 2025', 'wholesale_trade'],
  ['Wholesale Trade, Oct. 2025', 'wholesale_trade'],
  ['Employment Situation of Veterans', 'employment_situation_of_veterans'],
  ['Corporate Profits, 2nd Quarter 2025', 'corporate_profits'],
  ['Réunion de la BCE', 'reunion_de_la_bce'],
  ['Metropolitan Area Employment and Unemployment (Monthly)', 'metropolitan_area_employment_and'],
  ['日銀金融政策決定会合', 'event'],
  ['2025', 'event'],
])('makes a kind of %s', (title, kind) => expect(kindFromTitle(title)).toBe(kind));

it('makes a kind of anything', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (title) => {
      expect(kindFromTitle(title)).toMatch(/^[a-z][a-z0-9_]{0,39}$/);
      recogniseRelease(title);
    }),
    { seed: 1 },
  );
});
