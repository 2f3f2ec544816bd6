import type {
  Allowance,
  Alternative,
  Delay,
  DelayId,
  Delays,
  InstanceType,
  Limit,
  PriceTable,
  Saving,
  Tables,
} from '../model/types';
import alternativeList from './alternatives.json';
import delayList from './delays.json';
import allowanceList from './free-tier.json';
import instanceTypeList from './instance-types.json';
import limitList from './limits.json';
import priceTable from './prices.json';
import savingList from './savings.json';

/** The tables as they lie in the repository. Written by hand or by `npm run prices`; every entry has its source. */

export const delays = Object.fromEntries((delayList as readonly Delay[]).map((delay) => [delay.id, delay])) as Record<
  DelayId,
  Delay
> satisfies Delays;

export const prices = priceTable as PriceTable;

export const tables: Tables = {
  prices,
  delays,
  allowances: allowanceList as readonly Allowance[],
  savings: savingList as readonly Saving[],
};

export const instanceTypes = instanceTypeList as readonly InstanceType[];

export const alternatives = alternativeList as readonly Alternative[];

export const limits = limitList as readonly Limit[];
