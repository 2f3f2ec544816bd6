import { delays, instanceTypes, prices } from '../../../../tools/compare/data/tables';
import { findPrice } from '../../../../tools/compare/model/cost';
import { readFacts } from '../../../../tools/compare/model/facts';
import type { Source } from '../../../../tools/compare/model/types';
import { templates } from '../../../support/templates';

const REGIONS = ['us-east-1', 'eu-west-1', 'ap-northeast-2'] as const;

const entries: [string, Source][] = [
  ...prices.prices.map((price): [string, Source] => [`price ${price.id} in ${price.region}`, price]),
  ...Object.values(delays).map((delay): [string, Source] => [`delay ${delay.id}`, delay]),
  ...instanceTypes.map((type): [string, Source] => [`instance type ${type.type}`, type]),
];

test('every price, limit, delay and size has a source and a date', () => {
  const wrong = entries.filter(
    ([, { source, date, confidence }]) =>
      !/^https:\/\/\S+$/.test(source) ||
      !/^\d{4}-\d{2}-\d{2}$/.test(date) ||
      Number.isNaN(Date.parse(date)) ||
      !['price list', 'published page', 'secondary'].includes(confidence),
  );
  expect(wrong.map(([name]) => name)).toEqual([]);
});

test('ranges and tiers are in order', () => {
  expect(
    Object.values(delays)
      .filter(({ low, high }) => !(low >= 0 && high >= low))
      .map(({ id }) => id),
  ).toEqual([]);
  const wrong = prices.prices.filter(
    ({ tiers, highUsd }) =>
      tiers[0]?.from !== 0 ||
      tiers.some(({ usd, from }, index) => !(usd > 0) || (index > 0 && from <= (tiers[index - 1]?.from ?? 0))) ||
      (highUsd !== undefined && highUsd < (tiers[0]?.usd ?? 0)),
  );
  expect(wrong.map(({ id, region }) => `${id} ${region}`)).toEqual([]);
});

test('nothing is there twice', () => {
  const names = entries.map(([name]) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test('every region has what the stacks as they are need', () => {
  const facts = readFacts(templates());
  const types = Object.values(facts).flatMap(({ hosts }) => hosts?.instanceTypes[0] ?? []);
  const needed = [
    'lambda.gb-second',
    'lambda.request',
    'fargate.vcpu-hour',
    'fargate.gb-hour',
    'eks.cluster-hour',
    'ebs.gp3.gib-month',
    'ipv4.hour',
    'nat.hour',
    's3.gb-month',
    's3.put',
    's3.get',
    'sqs.request',
    'cloudwatch.alarm-metric-month',
    'cloudwatch.metric-month',
    'cloudwatch.logs-gb',
    ...types.map((type) => `ec2.${type}.hour`),
    ...types.map((type) => `ec2.${type}.hour.spot`),
    'fargate.vcpu-hour.spot',
    'fargate.gb-hour.spot',
  ];
  const missing = REGIONS.flatMap((region) =>
    needed.filter((id) => !findPrice(prices, id, region)).map((id) => `${id} ${region}`),
  );
  expect(missing).toEqual([]);
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
