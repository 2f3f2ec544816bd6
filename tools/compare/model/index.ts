/**
 * The comparison's model, for Node: everything, with what reads files and templates. A browser imports `cost`, `scale`
 * and `choose` themselves, which import nothing of Node.
 */
export type * from './types';
