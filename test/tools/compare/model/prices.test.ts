import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { PriceTable } from '../../../../tools/compare/model/types';
import { csvFields, PriceListReader, priceListUrl, wantedPrices } from '../../../../tools/prices/price-list';
import { refreshPrices } from '../../../../tools/prices/refresh';

/** An excerpt in the documented form: what is around the prices, and lines that are near them and are not them. */
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
  { from = '0', operation = '', term = 'OnDemand', currency = 'USD' } = {},
) =>
  `"SKU1","JRTCKXETXF","SKU1.JRTCKXETXF.6YS6EN2CT7","${term}","a price, in ""quotes""","2026-11-01","${from}","Inf","Hrs","${usd}","${currency}",,,,,"Compute","Any","a region","AWS Region","${usageType}","${operation}","OnDemand","a-region-1"`;

const list = (...rows: readonly string[]) => [...HEADER, ...rows].join('\n');

function read(service: string, region: 'us-east-1' | 'eu-west-1', text: string, types: readonly string[] = []) {
  const reader = new PriceListReader(service, region, wantedPrices(types));
  for (const line of text.split('\n')) reader.line(line);
  return reader.result();
}

describe('a price list', () => {
  test('gives the tiers of a price, in order, with source and date', () => {
    const text = list(
      row('EU-Lambda-GB-Second-ARM', '0.0000120001', { from: '7500000000' }),
      row('EU-Lambda-GB-Second-ARM', '0.0000133334'),
      row('EU-Lambda-GB-Second', '0.0000166667'),
      row('EUW2-Lambda-GB-Second-ARM', '0.5'),
      row('EU-Request-ARM', '0.0000002'),
      row('EU-Lambda-GB-Second-ARM', '0.1', { term: 'Reserved' }),
      row('EU-Lambda-GB-Second-ARM', '0.1', { currency: 'CNY' }),
    );
    expect(read('AWSLambda', 'eu-west-1', text)).toEqual({
      missing: ['lambda.request.x64'],
      prices: [
        {
          id: 'lambda.gb-second',
          region: 'eu-west-1',
          unit: 'GB-second',
          tiers: [
            { from: 0, usd: 0.0000133334 },
            { from: 7.5e9, usd: 0.0000120001 },
          ],
          source: priceListUrl('AWSLambda', 'eu-west-1'),
          date: '2026-11-20',
          confidence: 'price list',
        },
        expect.objectContaining({ id: 'lambda.request', tiers: [{ from: 0, usd: 2e-7 }] }),
        expect.objectContaining({ id: 'lambda.gb-second.x64', tiers: [{ from: 0, usd: 0.0000166667 }] }),
      ],
    });
  });

  test('gives an instance by its operation, and what is free by its first price', () => {
    const text = list(
      row('BoxUsage:c7g.medium', '0.0363', { operation: 'RunInstances' }),
      row('BoxUsage:c7g.medium', '0.0800', { operation: 'RunInstances:0002' }),
      row('BoxUsage:c7g.medium', '0.0000', { operation: 'RunInstances' }),
      row('UnusedBox:c7g.medium', '0.0363', { operation: 'RunInstances' }),
      row('EBS:VolumeUsage.gp3', '0.08'),
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

  test('has two architectures and two kinds of address side by side, each with its own usage type', () => {
    const found = (service: string, ...rows: readonly string[]) =>
      read(service, 'us-east-1', list(...rows)).prices.map(({ id, tiers }) => [id, tiers[0]?.usd]);
    expect(
      found(
        'AmazonECS',
        row('USE1-Fargate-vCPU-Hours:perCPU', '4'),
        row('USE1-Fargate-ARM-vCPU-Hours:perCPU', '3'),
        row('USE1-Fargate-EphemeralStorage-GB-Hours', '9'),
        row('USE1-Fargate-GB-Hours', '2'),
        row('USE1-Fargate-ARM-GB-Hours', '1'),
      ),
    ).toEqual([
      ['fargate.vcpu-hour', 3],
      ['fargate.gb-hour', 1],
      ['fargate.vcpu-hour.x64', 4],
      ['fargate.gb-hour.x64', 2],
    ]);
    expect(
      found(
        'AmazonVPC',
        row('USE1-PublicIPv4:IdleAddress', '9'),
        row('USE1-PublicIPv4:InUseAddress', '1'),
        row('USE1-VpcEndpoint-GWLBE-Hours', '9'),
        row('USE1-VpcEndpoint-Hours', '2'),
      ),
    ).toEqual([
      ['ipv4.hour', 1],
      ['vpc-endpoint.hour', 2],
    ]);
  });

  test('is refused in one line when its form has changed', () => {
    expect(() => read('AWSLambda', 'us-east-1', '<html>')).toThrow(
      'the price list of AWSLambda in us-east-1 is not a price list: it has no line that names the columns',
    );
    expect(() =>
      read('AWSLambda', 'us-east-1', list(row('Request-ARM', '1')).replace('"usageType"', '"kind"')),
    ).toThrow('the price list of AWSLambda in us-east-1 has no column usageType: its form has changed');
    expect(() => read('AWSLambda', 'us-east-1', list(row('Request-ARM', '1'), row('Request-ARM', '2')))).toThrow(
      /has two prices from 0 on: the selection is not exact any more$/,
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
    expect(said.at(-1)).toBe('wrote 2 prices; npm run compare shows what follows');
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
      /^cannot read https:\S+: ENOTFOUND; the price table is as it was$/,
    ],
    [
      'refused',
      async () => new Response('', { status: 403 }),
      /^cannot read https:\S+: the answer was 403; the price table is as it was$/,
    ],
    [
      'cut off',
      async () => new Response(new ReadableStream({ pull: (controller) => controller.error(new Error('terminated')) })),
      /^cannot read https:\S+: terminated; the price table is as it was$/,
    ],
  ])('says in one line when it is %s, and changes nothing', async (_, get, message) => {
    await expect(refreshPrices({ file, say: () => {}, get })).rejects.toThrow(message);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(table);
  });
});
