/**
 * The comparison's model, for Node: everything, with what reads files and templates. A browser imports `cost`, `scale`,
 * `choose`, `fit` and `../data/tables` themselves, which import nothing of Node.
 */
export { delays, instanceTypes, prices, tables } from '../data/tables';
export * from './choose';
export * from './cost';
export * from './facts';
export * from './fit';
export * from './job';
export * from './measured';
export * from './owned';
export * from './range';
export * from './scale';
export * from './service';
export type * from './types';
