import bill from '../../../../tools/compare/data/bill.json';
import { alternatives, delays, instanceTypes, limits, prices, tables } from '../../../../tools/compare/data/tables';
import { cost, findPrice } from '../../../../tools/compare/model/cost';
import { readFacts } from '../../../../tools/compare/model/facts';
import type { Region, Source } from '../../../../tools/compare/model/types';
import { COMPUTES } from '../../../../workload/contract';
import { choices, production } from '../sources';
import { facts, inputs, model } from './fixtures';

const REGIONS: readonly Region[] = ['us-east-1', 'eu-west-1', 'ap-northeast-2'];
const { allowances, savings } = tables;

type Entry = readonly [name: string, entry: Pick<Source, 'source' | 'date'> & Partial<Source>];
const entries: readonly Entry[] = [
  ...prices.prices.map((price): Entry => [`price ${price.id} in ${price.region}`, price]),
  ...savings.map((saving): Entry => [`saving ${saving.id} in ${saving.region}`, saving]),
  ...Object.values(delays).map((delay): Entry => [`delay ${delay.id}`, delay]),
  ...allowances.map((allowance): Entry => [`allowance ${allowance.id}`, allowance]),
  ...limits.map((limit): Entry => [`limit ${limit.id}`, limit]),
  ...instanceTypes.map((type): Entry => [`instance type ${type.type}`, type]),
  ...alternatives.map((each): Entry => [`alternative ${each.name}`, { confidence: 'published page', ...each }]),
];

test('everything in the tables has a source, a date, and how sure it is', () => {
  const wrong = entries.filter(
    ([, { source, date, confidence = '' }]) =>
      !/^https:\/\/\S+$/.test(source) ||
      !/^\d{4}-\d{2}-\d{2}$/.test(date) ||
      Number.isNaN(Date.parse(date)) ||
      !['price list', 'published page', 'secondary'].includes(confidence),
  );
  expect(wrong.map(([name]) => name)).toEqual([]);
});

test('nothing is there twice', () => {
  const names = entries.map(([name]) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test('what is typical is within its range, and tiers are in order', () => {
  const estimates = Object.values(delays);
  const apart = estimates.filter(({ low, typical, high }) => !(low >= 0 && low <= typical && typical <= high));
  expect(apart.map(({ id }) => id)).toEqual([]);
  const wrong = prices.prices.filter(
    ({ tiers, highUsd }) =>
      tiers[0]?.from !== 0 ||
      tiers.some(({ usd, from }, index) => !(usd > 0) || (index > 0 && from <= (tiers[index - 1]?.from ?? 0))) ||
      (highUsd !== undefined && highUsd < (tiers[0]?.usd ?? 0)),
  );
  expect(wrong.map(({ id, region }) => `${id} ${region}`)).toEqual([]);
});

test('discounts and allowances are of prices that are there', () => {
  expect(
    savings.filter(({ id, region, discount }) => !findPrice(prices, id, region) || !(discount > 0 && discount < 1)),
  ).toEqual([]);
  expect(
    allowances.filter(({ id, perMonth }) => !prices.prices.some((price) => price.id.startsWith(id)) || !(perMonth > 0)),
  ).toEqual([]);
});

test('every line of every bill has a price in every region, in both settings, on Spot too', () => {
  const asked = { ...inputs, imagesPerMonth: 1, job: { ...inputs.job, customMetrics: 1 } };
  const settings = [facts(), readFacts(production())];
  const costs = settings.flatMap((of) =>
    REGIONS.flatMap((region) =>
      [false, true].flatMap((spot) => COMPUTES.map((way) => cost(of[way], tables, { ...asked, region, spot }))),
    ),
  );
  const seen = new Set(costs.flatMap(({ items }) => items.map(({ id }) => id)));
  const missing = costs.flatMap(({ way, unknown }) => unknown.map(({ label, why }) => `${way}: ${label}, ${why}`));
  expect(missing.filter((line) => line.includes(', no price for '))).toEqual([]);
  // Of workers that always run, and of endpoints: no stack has any.
  expect(bill.map(({ id }) => id).filter((id) => !seen.has(id))).toEqual(['queue.idle', 'endpoints']);
});

test('every limit, price and fact that a choice rests on is there, and so is every service that it names', () => {
  const all = choices(model);
  const rests = new Set(
    all.flatMap(({ because, against }) => [because, ...Object.values(against)].flat().map(({ restsOn }) => restsOn)),
  );
  const exists: Readonly<Record<string, (name: string) => boolean>> = {
    limit: (name) => limits.some(({ id }) => id === name),
    price: (name) => REGIONS.every((region) => findPrice(prices, name, region)),
    fact: (name) =>
      name.split('.').reduce<unknown>((of, key) => (of as Record<string, unknown>)[key], model.facts) !== undefined,
    owned: (name) => COMPUTES.some((way) => name.startsWith(`${way}.`)),
    figure: (name) => name === 'cost',
  };
  expect([...rests].filter((each) => !exists[each.split(':')[0] ?? '']?.(each.replace(/^\w+:/, '')))).toEqual([]);
  const kinds = new Set([...rests].map((each) => each.split(':')[0]));
  expect([...kinds].sort()).toEqual(Object.keys(exists).sort());
  const nothing = all.filter(
    ({ way, instead, needs }) => way === null && !instead.service && needs.host !== 'kernel or device',
  );
  expect(nothing.map(({ needs }) => needs)).toEqual([]);
});

test('a price of a price list is of its own region, and of the day of the version that is named', () => {
  const wrong = prices.prices.filter(({ source, region, date, confidence }) => {
    const [, version, of] =
      /^https:\/\/pricing\.us-east-1\.amazonaws\.com\/offers\/v1\.0\/aws\/\w+\/(\w+)\/([\w-]+)\//.exec(source) ?? [];
    if (!version) return confidence === 'price list';
    return of !== region || (version !== 'current' && version.slice(0, 8) !== date.replaceAll('-', ''));
  });
  expect(wrong.map(({ id, region }) => `${id} ${region}`)).toEqual([]);
});
