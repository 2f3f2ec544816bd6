import type { Account } from '../aws';
import { quoted } from '../terminal';
import type { Memory } from './memory';

/** What is still there, as plain data. */
export interface Leftover {
  /** What a reader calls it. */
  readonly what: string;
  readonly id: string;
  /** To keep it for a month. `null`: it is billed, and the price table has no price for it, or not in this region. */
  readonly usdPerMonth: number | null;
  /** What it holds, where it is billed by that. */
  readonly bytes?: number;
  /** Why it is there, or what holds it. */
  readonly why?: string;
  /** Commands of the AWS CLI that remove it, the first one first. None where it goes with something else. */
  readonly remove: readonly string[];
}

/** Removals in their order: what makes things anew, what runs, what holds a network, the network, and everything else. */
export const TURNS = ['maker', 'running', 'interface', 'group', 'part', 'network', 'other', 'stack'] as const;

export interface Found extends Leftover {
  /** As CloudFormation knows it, where that is not its id. */
  readonly physicalId?: string;
  readonly turn: (typeof TURNS)[number];
}

/** What a lookup is given. */
export interface Place {
  readonly stack: string;
  readonly account: Account;
  readonly memory: Memory;
}

/** A command of the AWS CLI. Values that a shell would read otherwise are quoted. */
export function aws(place: Place, service: string, action: string, ...rest: readonly string[]): string {
  return ['aws', service, action, '--region', place.account.region, ...rest].map(quoted).join(' ');
}
