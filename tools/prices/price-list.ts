import type { Price, Region, Tier } from '../compare/model/types';

/**
 * Reads AWS's price list files, which are public. The CSV form of a service's list in one region: five lines about the
 * file, a line with the names of the columns, and a line for every tier of every price. Read line by line: EC2's has
 * hundreds of megabytes.
 *
 * @see https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api-fetching-price-list-files-manually.html
 */

/**
 * What usage types begin with. The oldest region has no prefix, or a later one; where it has a price with both, the one
 * without is there for old usage (CloudWatch's logs name it "Legacy").
 */
const PREFIXES: Readonly<Record<Region, readonly string[]>> = {
  'us-east-1': ['USE1-', ''],
  'eu-west-1': ['EU-'],
  'ap-northeast-2': ['APN2-'],
};

/** A price of the table, and where the price list has it. */
export interface Wanted {
  readonly id: string;
  readonly unit: string;
  readonly service: string;
  /** Without the region's prefix. Several where regions differ: the first that is there. */
  readonly usageTypes: readonly string[];
  /** Where a usage type has several. */
  readonly operation?: string;
}

const wanted = (service: string, id: string, unit: string, ...usageTypes: readonly string[]): Wanted => ({
  id,
  unit,
  service,
  usageTypes,
});

/** Everything but the instances, which the stacks decide, and Spot, which is in no price list. */
const FIXED: readonly Wanted[] = [
  wanted('AWSLambda', 'lambda.gb-second', 'GB-second', 'Lambda-GB-Second-ARM'),
  wanted('AWSLambda', 'lambda.request', 'request', 'Request-ARM'),
  wanted('AWSLambda', 'lambda.gb-second.x64', 'GB-second', 'Lambda-GB-Second'),
  wanted('AWSLambda', 'lambda.request.x64', 'request', 'Request'),
  wanted('AmazonECS', 'fargate.vcpu-hour', 'vCPU-hour', 'Fargate-ARM-vCPU-Hours:perCPU'),
  wanted('AmazonECS', 'fargate.gb-hour', 'GB-hour', 'Fargate-ARM-GB-Hours'),
  wanted('AmazonECS', 'fargate.vcpu-hour.x64', 'vCPU-hour', 'Fargate-vCPU-Hours:perCPU'),
  wanted('AmazonECS', 'fargate.gb-hour.x64', 'GB-hour', 'Fargate-GB-Hours'),
  wanted('AmazonEC2', 'ebs.gp3.gib-month', 'GiB-month', 'EBS:VolumeUsage.gp3'),
  wanted('AmazonEC2', 'nat.hour', 'hour', 'NatGateway-Hours'),
  wanted('AmazonEC2', 'nat.gb', 'GB', 'NatGateway-Bytes'),
  wanted('AmazonEKS', 'eks.cluster-hour', 'hour', 'AmazonEKS-Hours:perCluster'),
  wanted('AmazonVPC', 'ipv4.hour', 'hour', 'PublicIPv4:InUseAddress'),
  wanted('AmazonVPC', 'vpc-endpoint.hour', 'hour', 'VpcEndpoint-Hours'),
  wanted('AmazonS3', 's3.gb-month', 'GB-month', 'TimedStorage-ByteHrs'),
  wanted('AmazonS3', 's3.put', 'request', 'Requests-Tier1'),
  wanted('AmazonS3', 's3.get', 'request', 'Requests-Tier2'),
  wanted('AWSQueueService', 'sqs.request', 'request', 'Requests-Tier1', 'Requests-RBP'),
  wanted('AmazonCloudWatch', 'cloudwatch.alarm-metric-month', 'alarm metric-month', 'CW:AlarmMonitorUsage'),
  wanted('AmazonCloudWatch', 'cloudwatch.metric-month', 'metric-month', 'CW:MetricMonitorUsage'),
  wanted('AmazonCloudWatch', 'cloudwatch.logs-gb', 'GB', 'DataProcessing-Bytes'),
  wanted('AmazonECR', 'ecr.gb-month', 'GB-month', 'TimedStorage-ByteHrs'),
];

/** What a refresh asks for. @param instanceTypes of which the table is to have the On-Demand price */
export function wantedPrices(instanceTypes: readonly string[]): Wanted[] {
  const instances = instanceTypes.map((type) => ({
    ...wanted('AmazonEC2', `ec2.${type}.hour`, 'hour', `BoxUsage:${type}`),
    // Linux, shared, On-Demand.
    operation: 'RunInstances',
  }));
  return [...FIXED, ...instances];
}

export const REGIONS = Object.keys(PREFIXES) as readonly Region[];

/** @param version with which the address goes on giving the same file */
export function priceListUrl(service: string, region: Region, version = 'current'): string {
  return `https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/${service}/${version}/${region}/index.csv`;
}

/** The file was read, and is not what this reads. In one line. */
export class PriceListError extends Error {
  constructor(service: string, region: Region, what: string) {
    super(
      `${priceListUrl(service, region)} ${what}; if AWS changed its form, tools/prices/price-list.ts has to follow`,
    );
  }
}

/** One line of CSV: quoted fields, in which a doubled quote is a quote. */
export function csvFields(line: string): string[] {
  const fields: string[] = [];
  for (const [, quoted, plain] of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) {
    fields.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
  }
  return fields;
}

const COLUMNS = [
  'TermType',
  'StartingRange',
  'EndingRange',
  'Unit',
  'PricePerUnit',
  'Currency',
  'usageType',
  'operation',
] as const;

/** How the lists call the table's units: each service in its own way. A price of another unit would be another price. */
const UNITS: Readonly<Record<string, RegExp>> = {
  'GB-second': /^(Lambda-)?GB-Seconds?$/i,
  request: /^Requests?$/i,
  // Fargate's too, which says what it is an hour of in the usage type.
  hour: /^(Hrs?|Hours?)$/i,
  'vCPU-hour': /^((vCPU-)?Hours?)$/i,
  'GB-hour': /^((GB-)?Hours?)$/i,
  GB: /^GB$/i,
  'GB-month': /^GB-Mo(nth)?$/i,
  'GiB-month': /^GB-Mo(nth)?$/i,
  'alarm metric-month': /^Alarms?$/i,
  'metric-month': /^Metrics?$/i,
};

/** As the list has it: with where it ends. */
interface Range extends Tier {
  readonly to: number;
}

/** Picks prices out of one file, line by line. */
export class PriceListReader {
  private published = '';
  private version = 'current';
  private columns: Record<string, number> | undefined;
  private readonly tiers = new Map<string, Range[]>();
  private readonly byUsage = new Map<string, Wanted[]>();
  private readonly wants: readonly Wanted[];
  private readonly usageTypes: readonly string[];

  constructor(
    private readonly service: string,
    private readonly region: Region,
    wants: readonly Wanted[],
  ) {
    this.wants = wants.filter((one) => one.service === service);
    for (const want of this.wants) {
      for (const usageType of want.usageTypes) {
        for (const prefix of PREFIXES[region]) {
          const key = prefix + usageType;
          this.byUsage.set(key, [...(this.byUsage.get(key) ?? []), want]);
        }
      }
    }
    this.usageTypes = [...this.byUsage.keys()];
  }

  /** @throws PriceListError when the file is not of the documented form */
  line(text: string): void {
    if (!this.columns) {
      this.preamble(text);
      return;
    }
    // Nearly all lines of a large file are ruled out without being taken apart.
    if (!this.usageTypes.some((usageType) => text.includes(usageType))) return;
    const fields = csvFields(text);
    const field = (name: (typeof COLUMNS)[number]) => fields[this.columns?.[name] ?? -1] ?? '';
    if (field('TermType') !== 'OnDemand' || field('Currency') !== 'USD') return;
    for (const want of this.byUsage.get(field('usageType')) ?? []) {
      if (want.operation !== undefined && field('operation') !== want.operation) continue;
      const ending = field('EndingRange');
      const tier = {
        from: Number(field('StartingRange') || 0),
        to: ending === 'Inf' ? Number.POSITIVE_INFINITY : Number(ending || Number.NaN),
        usd: Number(field('PricePerUnit') || Number.NaN),
      };
      if (Object.values(tier).some(Number.isNaN)) {
        throw this.error(
          `has a price "${field('PricePerUnit')}" from "${field('StartingRange')}" to "${ending}" for ${field('usageType')}: expected numbers`,
        );
      }
      // Zero is a free tier, or a line for something else that is included: not the price.
      if (tier.usd === 0) continue;
      if (!UNITS[want.unit]?.test(field('Unit'))) {
        throw this.error(`has ${field('usageType')} by "${field('Unit')}": expected a price by ${want.unit}`);
      }
      const key = this.key(want, field('usageType'));
      this.tiers.set(key, [...(this.tiers.get(key) ?? []), tier]);
    }
  }

  /** What was found, and the ids of what was not. */
  result(): { prices: Price[]; missing: string[] } {
    if (!this.columns) throw this.error('is not a price list: it has no line that names the columns');
    const prices: Price[] = [];
    const missing: string[] = [];
    for (const want of this.wants) {
      const keys = want.usageTypes.flatMap((type) =>
        PREFIXES[this.region].map((prefix) => this.key(want, prefix + type)),
      );
      const found = keys.map((key) => this.tiers.get(key)).find((tiers) => tiers !== undefined);
      if (!found) missing.push(want.id);
      else {
        const { tiers, wrong } = inOrder(found);
        if (wrong) throw this.error(`${wrong} (${want.id})`);
        prices.push({
          id: want.id,
          region: this.region,
          unit: want.unit,
          tiers,
          source: priceListUrl(this.service, this.region, this.version),
          date: this.published,
          confidence: 'price list',
        });
      }
    }
    return { prices, missing };
  }

  private error(what: string): PriceListError {
    return new PriceListError(this.service, this.region, what);
  }

  private key(want: Wanted, usageType: string): string {
    return `${want.id} ${usageType}`;
  }

  private preamble(text: string): void {
    const fields = csvFields(text);
    if (fields[0] === 'Publication Date') this.published = (fields[1] ?? '').slice(0, 10);
    if (fields[0] === 'Version' && fields[1]) this.version = fields[1];
    if (fields[0] !== 'SKU') return;
    const missing = COLUMNS.find((column) => !fields.includes(column));
    if (missing) throw this.error(`has no column ${missing}`);
    if (!/^\d{4}-\d{2}-\d{2}$/.test(this.published)) throw this.error('does not say when it was published');
    this.columns = Object.fromEntries(fields.map((name, index) => [name, index]));
  }
}

/**
 * Tiers in order, the same one once. The first is said to begin at 0, also where a free tier comes before it. What is
 * wrong with them: two prices for the same, or one that is not there.
 */
function inOrder(ranges: readonly Range[]): { tiers: Tier[]; wrong?: string } {
  const sorted = [...new Map(ranges.map((range) => [`${range.from} ${range.to} ${range.usd}`, range])).values()].sort(
    (a, b) => a.from - b.from,
  );
  const tiers = sorted.map(({ from, usd }, index) => ({ from: index === 0 ? 0 : from, usd }));
  for (const [index, { from, to }] of sorted.entries()) {
    const next = sorted[index + 1]?.from ?? Number.POSITIVE_INFINITY;
    if (next === from) return { tiers, wrong: `has two prices from ${from} on` };
    if (next !== to) return { tiers, wrong: `has no price from ${to} on` };
  }
  return { tiers };
}
