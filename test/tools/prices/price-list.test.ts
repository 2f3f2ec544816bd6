import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PriceTable } from '../../../tools/compare/model/types';
import { csvFields, PriceListReader, priceListUrl, wantedPrices } from '../../../tools/prices/price-list';
import { refreshPrices } from '../../../tools/prices/refresh';

/**
 * Lines of four of AWS's files of August and September 2026, as they were, with what is near the prices. They are of
 * London, as https://github.com/mooncitizen/togen has them (internal/cost/cmd/testdata); a region is told by what its
 * usage types begin with, so they are read as another's.
 */
const recorded = (service: string) =>
  readFileSync(path.join(__dirname, 'price-lists', `${service}.csv`), 'utf8').replaceAll('"EUW2-', '"EU-');

/** Made, for what those have not: the same lines around the prices. */
const HEADER = [
  '"FormatVersion","v1.0"',
  '"Disclaimer","This pricing list is for informational purposes only."',
  '"Publication Date","2026-11-20T18:47:46Z"',
  '"Version","20261120184746"',
  '"OfferCode","AWSLambda"',
  '"SKU","OfferTermCode","RateCode","TermType","PriceDescription","EffectiveDate","StartingRange","EndingRange","Unit","PricePerUnit","Currency","RelatedTo","LeaseContractLength","PurchaseOption","OfferingClass","Product Family","serviceCode","Location","Location Type","usageType","operation","MarketOption","Region Code"',
];

const row = (
  usageType: string,
  usd: string,
  { from = '0', to = 'Inf', unit = 'Hrs', operation = '', term = 'OnDemand', currency = 'USD' } = {},
) =>
  `"SKU1","JRTCKXETXF","SKU1.JRTCKXETXF.6YS6EN2CT7","${term}","a price, in ""quotes""","2026-11-01","${from}","${to}","${unit}","${usd}","${currency}",,,,,"Compute","Any","a region","AWS Region","${usageType}","${operation}","OnDemand","a-region-1"`;

const list = (...rows: readonly string[]) => [...HEADER, ...rows].join('\n');

function read(service: string, region: 'us-east-1' | 'eu-west-1', text: string, types: readonly string[] = []) {
  const reader = new PriceListReader(service, region, wantedPrices(types));
  for (const line of text.split('\n')) reader.line(line);
  return reader.result();
}

describe('a price list', () => {
  test.each<[string, string, Record<string, number[][]>]>([
    [
      'AWSLambda',
      '20260831092318',
      {
        'lambda.gb-second': [
          [0, 0.0000133334],
          [7.5e9, 0.0000120001],
          [18.75e9, 0.0000106667],
        ],
        'lambda.request': [[0, 2e-7]],
        'lambda.gb-second.x64': [
          [0, 0.0000166667],
          [6e9, 0.000015],
          [15e9, 0.0000133334],
        ],
        'lambda.request.x64': [[0, 2e-7]],
      },
    ],
    [
      'AmazonECS',
      '20260831092155',
      {
        'fargate.vcpu-hour': [[0, 0.03725]],
        'fargate.gb-hour': [[0, 0.00409]],
        'fargate.vcpu-hour.x64': [[0, 0.04656]],
        'fargate.gb-hour.x64': [[0, 0.00511]],
      },
    ],
    [
      'AmazonS3',
      '20260831092225',
      {
        's3.gb-month': [
          [0, 0.024],
          [51200, 0.023],
          [512000, 0.022],
        ],
        's3.put': [[0, 0.0000053]],
        's3.get': [[0, 4.2e-7]],
      },
    ],
    [
      'AWSQueueService',
      '20260904154020',
      {
        'sqs.request': [
          [0, 4e-7],
          [1e11, 3.5e-7],
          [2e11, 3.2e-7],
        ],
      },
    ],
  ])('of %s as AWS published it gives every price with its tiers', (service, version, expected) => {
    const { prices, missing } = read(service, 'eu-west-1', recorded(service));
    expect(Object.fromEntries(prices.map(({ id, tiers }) => [id, tiers.map(({ from, usd }) => [from, usd])]))).toEqual(
      expected,
    );
    expect(missing).toEqual([]);
    const date = `${version.slice(0, 4)}-${version.slice(4, 6)}-${version.slice(6, 8)}`;
    const source = priceListUrl(service, 'eu-west-1', version);
    for (const price of prices) expect(price).toMatchObject({ source, date, confidence: 'price list' });
  });

  test('of another region gives nothing', () => {
    const { prices, missing } = read('AmazonECS', 'us-east-1', recorded('AmazonECS'));
    expect(prices).toEqual([]);
    expect(missing).toHaveLength(4);
  });

  test('gives tiers in order, and not what is reserved or paid in other money', () => {
    const text = list(
      row('EU-Request-ARM', '0.0000001', { from: '1000', unit: 'Requests' }),
      row('EU-Request-ARM', '0.0000002', { to: '1000', unit: 'Requests' }),
      row('EU-Request-ARM', '0.1', { term: 'Reserved' }),
      row('EU-Request-ARM', '0.1', { currency: 'CNY' }),
    );
    expect(read('AWSLambda', 'eu-west-1', text).prices).toEqual([
      expect.objectContaining({
        id: 'lambda.request',
        tiers: [
          { from: 0, usd: 2e-7 },
          { from: 1000, usd: 1e-7 },
        ],
      }),
    ]);
  });

  test('of the oldest region gives what has its later prefix before what has none', () => {
    const text = list(
      row('DataProcessing-Bytes', '0.6', { unit: 'GB' }),
      row('USE1-DataProcessing-Bytes', '0.5', { unit: 'GB' }),
    );
    expect(read('AmazonCloudWatch', 'us-east-1', text).prices.map(({ tiers }) => tiers)).toEqual([
      [{ from: 0, usd: 0.5 }],
    ]);
  });

  test('gives an instance by its operation, and what is free by its first price', () => {
    const text = list(
      row('BoxUsage:c7g.medium', '0.0363', { operation: 'RunInstances' }),
      row('BoxUsage:c7g.medium', '0.0800', { operation: 'RunInstances:0002' }),
      row('BoxUsage:c7g.medium', '0.0000', { operation: 'RunInstances' }),
      row('UnusedBox:c7g.medium', '0.0363', { operation: 'RunInstances' }),
      row('EBS:VolumeUsage.gp3', '0.08', { unit: 'GB-Mo' }),
      row('NatGateway-Hours', '0.045'),
    );
    const { prices, missing } = read('AmazonEC2', 'us-east-1', text, ['c7g.medium']);
    expect(prices.map(({ id, tiers }) => [id, tiers[0]?.usd])).toEqual([
      ['ebs.gp3.gib-month', 0.08],
      ['nat.hour', 0.045],
      ['ec2.c7g.medium.hour', 0.0363],
    ]);
    expect(missing).toEqual(['nat.gb']);
  });

  test('has two kinds of address side by side, each with its own usage type', () => {
    const { prices } = read(
      'AmazonVPC',
      'us-east-1',
      list(
        row('USE1-PublicIPv4:IdleAddress', '9'),
        row('USE1-PublicIPv4:InUseAddress', '1'),
        row('USE1-VpcEndpoint-GWLBE-Hours', '9'),
        row('USE1-VpcEndpoint-Hours', '2'),
      ),
    );
    expect(prices.map(({ id, tiers }) => [id, tiers[0]?.usd])).toEqual([
      ['ipv4.hour', 1],
      ['vpc-endpoint.hour', 2],
    ]);
  });

  const nat = (...prices: readonly string[]) => list(...prices.map((usd) => row('NatGateway-Hours', usd)));

  test.each<[string, string, string]>([
    ['is not one', '<html>', 'is not a price list: it has no line that names the columns'],
    ['has no such column', nat('1').replace('"usageType"', '"kind"'), 'has no column usageType'],
    ['has no date', nat('1').replace('Publication Date', 'Published'), 'does not say when it was published'],
    [
      'has a price that is no number',
      nat('free'),
      'has a price "free" from "0" to "Inf" for NatGateway-Hours: expected numbers',
    ],
    ['has two prices for the same', nat('1', '2'), 'has two prices from 0 on (nat.hour)'],
    ['has it by another unit', nat('1').replace('Hrs', 'GB'), 'has NatGateway-Hours by "GB": expected a price by hour'],
    ['has no last tier', list(row('NatGateway-Hours', '1', { to: '100' })), 'has no price from 100 on (nat.hour)'],
  ])('that %s is refused in one line, with the file and what is to be done', (_, text, what) => {
    expect(() => read('AmazonEC2', 'us-east-1', text)).toThrow(
      `${priceListUrl('AmazonEC2', 'us-east-1')} ${what}; if AWS changed its form, tools/prices/price-list.ts has to follow`,
    );
  });

  test('fields may be quoted, plain or empty', () => {
    expect(csvFields('"a, b",c,,"d ""e"""')).toEqual(['a, b', 'c', '', 'd "e"']);
  });
});

describe('npm run prices', () => {
  let folder: string;
  let file: string;
  const table: PriceTable = {
    schema: 1,
    currency: 'USD',
    prices: [
      {
        id: 'ec2.c7g.medium.hour',
        region: 'us-east-1',
        unit: 'hour',
        tiers: [{ from: 0, usd: 9 }],
        source: 'https://example.com',
        date: '2020-01-01',
        confidence: 'secondary',
      },
      {
        id: 'ec2.c7g.medium.hour.spot',
        region: 'us-east-1',
        unit: 'hour',
        tiers: [{ from: 0, usd: 0.01 }],
        highUsd: 0.02,
        source: 'https://example.com',
        date: '2020-01-01',
        confidence: 'secondary',
      },
    ],
  };
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'prices-'));
    file = path.join(folder, 'prices.json');
    writeFileSync(file, JSON.stringify(table));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('replaces what the lists have, and leaves the rest', async () => {
    const said: string[] = [];
    await refreshPrices({
      file,
      say: (line) => said.push(line),
      regions: ['us-east-1'],
      get: async (url) =>
        new Response(
          url.includes('AmazonEC2')
            ? list(row('BoxUsage:c7g.medium', '0.0363', { operation: 'RunInstances' }))
            : list(),
        ),
    });
    const { prices } = JSON.parse(readFileSync(file, 'utf8')) as PriceTable;
    expect(prices).toEqual([
      expect.objectContaining({
        id: 'ec2.c7g.medium.hour',
        tiers: [{ from: 0, usd: 0.0363 }],
        date: '2026-11-20',
        confidence: 'price list',
      }),
      table.prices[1],
    ]);
    expect(said).toContain('AmazonECR us-east-1: 0 prices of no date; not found, left as they were: ecr.gb-month');
    expect(said.at(-1)).toBe('wrote 2 prices, 1 of them from the lists; npm run compare shows what follows');
  });

  test('asks for every instance type that a stack may name', async () => {
    await refreshPrices({
      file,
      say: () => {},
      regions: ['eu-west-1'],
      get: async () => new Response(list(row('EU-BoxUsage:m7g.xlarge', '0.2', { operation: 'RunInstances' }))),
    });
    const { prices } = JSON.parse(readFileSync(file, 'utf8')) as PriceTable;
    expect(prices.map(({ id, region }) => `${id} ${region}`)).toContain('ec2.m7g.xlarge.hour eu-west-1');
  });

  test('says how far it is in a long list', async () => {
    const said: string[] = [];
    const line = `${row('EU-Nothing', '1').padEnd(1000)}\n`;
    const long = `${list()}\n${line.repeat(30_000)}`;
    await refreshPrices({
      file,
      say: (text) => said.push(text),
      regions: ['eu-west-1'],
      get: async (url) => new Response(url.includes('AmazonEC2') ? long : list()),
    });
    expect(said).toContainEqual(expect.stringMatching(/^AmazonEC2 eu-west-1: \d+ MB$/));
  });

  test.each<[string, () => Promise<Response>, RegExp]>([
    [
      'offline',
      () => Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: { code: 'ENOTFOUND' } })),
      /^cannot read https:\S+: ENOTFOUND; try again, from where that address can be reached; the price table is as it was$/,
    ],
    [
      'refused',
      async () => new Response('', { status: 403 }),
      /^cannot read https:\S+: the answer was 403; try again later, or see where AWS has it: https:\S+; the price table is as it was$/,
    ],
    [
      'cut off',
      async () => new Response(new ReadableStream({ pull: (controller) => controller.error(new Error('terminated')) })),
      /^cannot read https:\S+: terminated; try again, from where that address can be reached; the price table is as it was$/,
    ],
    [
      'of another form',
      async () => new Response('<html>'),
      /^https:\S+ is not a price list: .+ has to follow; the price table is as it was$/,
    ],
  ])('says in one line when it is %s, and changes nothing', async (_, get, message) => {
    await expect(refreshPrices({ file, say: () => {}, get })).rejects.toThrow(message);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(table);
  });

  test('changes nothing when only the last list is of another form', async () => {
    const get = async (url: string) =>
      new Response(
        url.includes('AmazonECR')
          ? '<html>'
          : list(
              ...(url.includes('AmazonEC2') ? [row('BoxUsage:c7g.medium', '1', { operation: 'RunInstances' })] : []),
            ),
      );
    await expect(refreshPrices({ file, say: () => {}, get, regions: ['us-east-1'] })).rejects.toThrow(/AmazonECR/);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(table);
  });
});
