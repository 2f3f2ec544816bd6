import { COMPUTES, type Compute } from '../../../workload/contract';
import { examine, NOTED, versionsInUse } from '../../doctor';
import type { Template } from '../../templates';
import texts from '../data/owned.json';
import { type Rest, type Texts, textOf } from './held';
import type { Source } from './types';

/** What somebody has to look after on each way: who, how often, and what happens when nobody does. */

export type Concern = keyof typeof texts;

export interface Owned {
  readonly way: Compute;
  readonly concern: Concern;
  /** What it is here: `Amazon Linux 2023 on every instance`; `null` where it does not exist. */
  readonly what: string | null;
  readonly who: 'you' | 'AWS' | 'AWS, when you let it' | 'nobody';
  readonly how: string;
  readonly howOften: string;
  /** `nothing` where there is nothing to do. */
  readonly whenNobodyDoes: string;
  /** Last day of support of the version in use, ISO 8601; `null` where there is none or none is known. */
  readonly supportedUntil: string | null;
  readonly source: Pick<Source, 'source' | 'date'> | null;
}

type Text = Omit<Owned, 'way' | 'concern' | 'supportedUntil' | 'source'> & {
  /** A row of the doctor, and the version of it that the text speaks of. */
  readonly supported?: readonly [what: string, version: string];
  readonly rests: readonly Rest[];
};

const FILE = 'tools/compare/data/owned.json';

/** Of what a way does not have. The empty cell is part of the comparison. */
const NOT_THERE: Text = {
  what: null,
  who: 'nobody',
  how: 'there is none',
  howOften: 'never',
  whenNobodyDoes: 'nothing',
  rests: [],
};

/** A row for each concern of each way. @throws Error in one line, when a text of the file is no longer true */
export function readOwned(all: Readonly<Record<Compute, Template>>, today: Date): Owned[] {
  return COMPUTES.flatMap((way) => {
    // Of this template alone: another way may have another version of the same thing.
    const findings = examine(versionsInUse({ [way]: all[way] }), today);
    return Object.entries(texts as unknown as Record<Concern, Texts<Text>>).map(([concern, ofWays]): Owned => {
      const text = textOf(FILE, concern, ofWays, way, all[way]) ?? NOT_THERE;
      const { supported: [name, version] = [], rests: _rests, ...row } = text;
      const window = findings.find(({ what }) => what === name);
      if (window?.version !== version) {
        throw new Error(
          `${FILE}: "${concern}" is no longer true of ${way}: it rests on ${name} ${version}, but ${window?.version} is in use`,
        );
      }
      return {
        way,
        concern: concern as Concern,
        ...row,
        supportedUntil: window?.until ?? null,
        source: window?.source ? { source: window.source, date: NOTED } : null,
      };
    });
  });
}
