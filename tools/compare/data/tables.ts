import type { Delay, DelayId, Delays, InstanceType, PriceTable, Tables } from '../model/types';
import delayList from './delays.json';
import instanceTypeList from './instance-types.json';
import priceTable from './prices.json';

/** The tables as they lie in the repository. Written by hand or by `npm run prices`; every entry has its source. */

export const delays = Object.fromEntries((delayList as readonly Delay[]).map((delay) => [delay.id, delay])) as Record<
  DelayId,
  Delay
> satisfies Delays;

export const prices = priceTable as PriceTable;

export const tables: Tables = { prices, delays };

export const instanceTypes = instanceTypeList as readonly InstanceType[];
