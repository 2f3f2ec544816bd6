import { readFileSync } from 'node:fs';
import { instanceTypes } from '../compare/data/tables';
import type { PriceTable, Region } from '../compare/model/types';
import { replaceFile } from '../files';
import { PriceListError, PriceListReader, priceListUrl, REGIONS, type Wanted, wantedPrices } from './price-list';

/**
 * Refreshes the price table from AWS's public price list files: of every instance type that the model knows, and what
 * else is billed. No account, no credentials.
 */

export interface RefreshOptions {
  /** The table. */
  readonly file: string;
  readonly say: (line: string) => void;
  readonly get?: (url: string) => Promise<Response>;
  readonly regions?: readonly Region[];
}

/**
 * Reads every list and then writes the table, once. What a list does not have, and Spot, stays as it is.
 * @throws Error, in one line, when a list cannot be had; the table is then as it was
 */
export async function refreshPrices({ file, say, get = fetch, regions = REGIONS }: RefreshOptions): Promise<void> {
  const table = JSON.parse(readFileSync(file, 'utf8')) as PriceTable;
  const wants = wantedPrices(instanceTypes.map(({ type }) => type).sort());
  let found = 0;
  const fresh = new Map(table.prices.map((price) => [`${price.id} ${price.region}`, price]));
  for (const region of regions) {
    for (const service of new Set(wants.map((want) => want.service))) {
      const { prices, missing } = await readList(service, region, wants, say, get);
      found += prices.length;
      for (const price of prices) fresh.set(`${price.id} ${region}`, price);
      say(
        `${service} ${region}: ${prices.length} prices of ${prices[0]?.date ?? 'no date'}${missing.length > 0 ? `; not found, left as they were: ${missing.join(', ')}` : ''}`,
      );
    }
  }
  const order = (region: Region) => REGIONS.indexOf(region);
  const prices = [...fresh.values()].sort((a, b) =>
    a.id < b.id ? -1 : a.id > b.id ? 1 : order(a.region) - order(b.region),
  );
  replaceFile(file, `${JSON.stringify({ ...table, prices }, undefined, 2)}\n`);
  say(`wrote ${prices.length} prices, ${found} of them from the lists; npm run compare shows what follows`);
}

const DOCUMENTATION =
  'https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api-fetching-price-list-files-manually.html';

/** Says how far it is every so many bytes. */
const PROGRESS_BYTES = 25_000_000;

async function readList(
  service: string,
  region: Region,
  wants: readonly Wanted[],
  say: (line: string) => void,
  get: (url: string) => Promise<Response>,
) {
  const url = priceListUrl(service, region);
  const failed = (why: string, remedy: string) =>
    new Error(`cannot read ${url}: ${why}; ${remedy}; the price table is as it was`);
  const again = 'try again, from where that address can be reached';
  let response: Response;
  try {
    response = await get(url);
  } catch (error) {
    const { cause, message } = error as Error & { cause?: { code?: string } };
    throw failed(cause?.code ?? message, again);
  }
  if (!response.ok || !response.body) {
    throw failed(`the answer was ${response.status}`, `try again later, or see where AWS has it: ${DOCUMENTATION}`);
  }
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  const total = Number(response.headers.get('content-length') ?? 0);
  const reader = new PriceListReader(service, region, wants);
  const text = new TextDecoder();
  let [bytes, told, rest] = [0, 0, ''];
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      const lines = (rest + text.decode(chunk, { stream: true })).split(/\r?\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) reader.line(line);
      if (bytes - told < PROGRESS_BYTES) continue;
      told = bytes;
      say(`${service} ${region}: ${megabytes(bytes)}${total > 0 ? ` of ${megabytes(total)}` : ''} MB`);
    }
    if (rest) reader.line(rest);
    return reader.result();
  } catch (error) {
    const { message } = error as Error;
    throw error instanceof PriceListError
      ? new Error(`${message}; the price table is as it was`)
      : failed(message, again);
  }
}
