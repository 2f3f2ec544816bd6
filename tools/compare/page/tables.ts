import { FOUR_WAYS, WAYS } from '../../../lib/ways';
import { text } from '../../html';
import { choose } from '../model/choose';
import type { Answers, Owned } from '../model/types';
import { link, wayName } from './parts';
import { anchor, reason } from './results';
import { START } from './state';

/** Tables that the page and `COMPARISON.md` share: cells as HTML, or as text. */
export type As = 'html' | 'text';

/** How a cell of {@link ownedRows} is read. */
export const OWNED_LEGEND =
  'From the resource types in each template: what there is, and who looks after it; how, and how often; how long the ' +
  'present version is supported; and what happens when nobody does it.';

export const OWNED_HEAD = ['concern', ...FOUR_WAYS] as const;

/** A row for each concern, a cell for each way. */
export function ownedRows(owned: readonly Owned[], as: As): readonly (readonly string[])[] {
  const concerns = [...new Set(owned.map(({ concern }) => concern))];
  return concerns.map((concern) => [
    as === 'html' ? `<b id="${anchor(`figure:owned..${concern}`)}">${text(concern)}</b>` : concern,
    ...FOUR_WAYS.map((way) => {
      const found = owned.find((each) => each.way === way && each.concern === concern);
      return found ? ownedCell(found, as) : '';
    }),
  ]);
}

function ownedCell({ what, who, how, howOften, whenNobodyDoes, supportedUntil, source }: Owned, as: As): string {
  if (what === null) return as === 'html' ? '<span class="quiet">none</span>' : 'none';
  const until = supportedUntil === null ? [] : [`supported until ${supportedUntil}`];
  const often = `How often: ${howOften}`;
  // Where nothing follows, nothing is said.
  const otherwise = whenNobodyDoes === 'nothing' ? '' : whenNobodyDoes;
  if (as === 'text') {
    return [`${what}: ${who}`, `How: ${how}`, often, ...until, otherwise && `Otherwise: ${otherwise}`]
      .filter(Boolean)
      .join('\n');
  }
  return `${text(what)}: <b>${text(who)}</b><small>How: ${text(how)}</small><small>${text(often)}</small>${until
    .map((said) => `<small>${source ? `${link(source.source, said)}, noted ${text(source.date)}` : text(said)}</small>`)
    .join('')}${otherwise ? `<small>Otherwise: ${text(otherwise)}</small>` : ''}`;
}

/** Answers that are often given. */
export const PRESETS: readonly (readonly [title: string, answers: Partial<Answers>])[] = [
  ['short jobs, in bursts, nobody on call', { onCall: 'nobody' }],
  ['short jobs, a steady stream', { arrival: 'steady', idle: 'never' }],
  ['jobs of minutes, in bursts', { job: 'a few minutes' }],
  ['jobs of hours', { job: 'over 15 minutes', idle: 'nights' }],
  ['a GPU, deep learning', { job: 'a few minutes', host: 'gpu' }],
  ['a kernel module or a device', { host: 'kernel or device' }],
  [
    'Kubernetes is there already, with its team',
    { kubernetes: 'there already', onCall: 'platform team', idle: 'never' },
  ],
  ['a desktop or Windows', { host: 'desktop or windows' }],
];

/** When, then, because. */
export function presetRows(as: As): readonly (readonly string[])[] {
  return PRESETS.map(([title, answers]) => {
    const { ways, reasons, instead } = choose({ ...START, ...answers });
    const named =
      ways.map((way) => (as === 'html' ? wayName(way) : WAYS[way].title)).join(', or ') || 'none of these four';
    const why = ways.map((way) => {
      const own = reasons.filter((each) => each.way === way).map((each) => (as === 'html' ? reason(each) : each.text));
      // Whose reasons they are, where there is a choice.
      const whose = as === 'html' ? wayName(way) : WAYS[way].title;
      return `${ways.length > 1 ? `${whose}: ` : ''}${own.join(' ')}`;
    });
    return [title, named, [...(instead === null ? [] : [as === 'html' ? text(instead) : instead]), ...why].join(' ')];
  });
}
