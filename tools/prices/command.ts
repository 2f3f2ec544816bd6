import path from 'node:path';
import { type Command, noPositionals, parse, ROOT } from '../command-line';
import { refreshPrices } from './refresh';

/** `npm run prices` */
export const prices: Command = async (args) => {
  noPositionals('prices', parse('prices', args, {}).positionals);
  await refreshPrices({ file: path.join(ROOT, 'tools/compare/data/prices.json'), say: console.log });
  return 0;
};
