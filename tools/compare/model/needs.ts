import type { Inputs } from './types';

/** What a job needs, how it comes and who is there: what the chooser asks. */
export interface Needs extends Pick<Inputs, 'imagesPerMonth' | 'imagesPerBurst' | 'account'> {
  readonly lasts: 'seconds' | 'minutes' | 'near 15 minutes' | 'hours' | 'over 12 hours';
  readonly memoryGb: number;
  readonly diskGb: number;
  readonly host: 'nothing special' | 'gpu' | 'kernel or device' | 'windows' | 'desktop';
  readonly x86: boolean;
  /** Whether what runs may reach the internet. */
  readonly internet: boolean;
  /** Whether somebody waits for it. */
  readonly answer: 'later' | 'at once';
  readonly people: 'nobody' | 'somebody' | 'platform team';
  readonly kubernetes: 'no' | 'there already' | 'has to be';
}

/** What nobody has said otherwise. */
export const ordinary: Needs = {
  lasts: 'seconds',
  memoryGb: 2,
  diskGb: 0,
  host: 'nothing special',
  x86: false,
  internet: true,
  answer: 'later',
  imagesPerMonth: 1e5,
  imagesPerBurst: 1,
  account: 'grown',
  people: 'somebody',
  kubernetes: 'no',
};
