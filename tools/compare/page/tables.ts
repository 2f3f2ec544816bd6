import { WAYS } from '../../../lib/ways';
import { COMPUTES, type Compute } from '../../../workload/contract';
import { text } from '../../html';
import { choose, WORTH } from '../model/choose';
import type { Needs } from '../model/needs';
import type { Owned } from '../model/owned';
import { link } from './parts';
import { anchor, chooserModel, type Model } from './results';
import type { State } from './state';

/** Tables that the page and `COMPARISON.md` share. */

/** How a cell of {@link ownedRows} is read. */
export const OWNED_LEGEND =
  'What there is, and who looks after it; how, and how often; how long the present version is supported; and what happens ' +
  'when nobody does it. Each text is held to the templates.';

/** A row for each concern, a cell for each way, as HTML. */
export function ownedRows(owned: readonly Owned[]): readonly (readonly string[])[] {
  return [...new Set(owned.map(({ concern }) => concern))].map((concern) => [
    `<b id="${text(anchor(`owned:.${concern}`))}">${text(concern)}</b>`,
    ...COMPUTES.map((way) => ownedHtml(owned.find((each) => each.way === way && each.concern === concern))),
  ]);
}

function ownedHtml(found: Owned | undefined): string {
  if (!found || found.what === null) return '<span class="quiet">none</span>';
  const { supportedUntil, source } = found;
  const [first = '', ...others] = ownedText(found).split('\n');
  const [what = '', who = ''] = first.split(/: (?=[^:]*$)/);
  const small = others.map((said) => {
    const linked = source && said === `supported until ${supportedUntil}`;
    return `<small>${linked ? `${link(source.source, said)}, noted ${text(source.date)}` : text(said)}</small>`;
  });
  return `${text(what)}: <b>${text(who)}</b>${small.join('')}`;
}

/** Line by line. */
export function ownedText(found: Owned | undefined): string {
  if (!found || found.what === null) return 'none';
  const { what, who, how, howOften, whenNobodyDoes, supportedUntil } = found;
  return [
    `${what}: ${who}`,
    `How: ${how}`,
    `How often: ${howOften}`,
    supportedUntil === null ? '' : `supported until ${supportedUntil}`,
    // Where nothing follows, nothing is said.
    whenNobodyDoes === 'nothing' ? '' : `Otherwise: ${whenNobodyDoes}`,
  ]
    .filter(Boolean)
    .join('\n');
}

/** What decides where the figures are close. */
export const WORTH_LEGEND = `Every step of extra work has to save money: $${WORTH.nobody} a month where nobody is there to do it, $${WORTH.somebody} with somebody, $${WORTH['platform team']} with a platform team. The steps, from a function up to a cluster with nodes, are our judgement, not a measurement.`;

/** Answers that are often given. */
export const PRESETS: readonly (readonly [title: string, needs: Partial<Needs>])[] = [
  [
    'short jobs now and then, nobody looks after anything',
    { people: 'nobody', imagesPerMonth: 1e4, imagesPerBurst: 10 },
  ],
  ['100 million a month, 10,000 together', { people: 'nobody', imagesPerMonth: 1e8, imagesPerBurst: 1e4 }],
  ['jobs of hours', { people: 'nobody', lasts: 'hours', imagesPerMonth: 1000, imagesPerBurst: 1 }],
  ['12 GB of memory for a job', { people: 'nobody', memoryGb: 12 }],
  ['a GPU, deep learning, and somebody to look after it', { host: 'gpu', lasts: 'minutes', imagesPerMonth: 1000 }],
  ['a kernel module or a device', { host: 'kernel or device' }],
  ['Kubernetes is there already, with its team', { kubernetes: 'there already', people: 'platform team' }],
  ['Kubernetes has to be, and one person', { kubernetes: 'has to be' }],
  ['somebody waits for the answer', { answer: 'at once' }],
];

/** When, then, because. */
export function presetRows(model: Model, state: State): readonly (readonly string[])[] {
  return PRESETS.map(([title, needs]) => {
    const { way, because, notes, instead } = choose(chooserModel(model, state), { ...state, ...needs });
    const named = (each: Compute) => WAYS[each].title;
    return way
      ? [title, named(way), [...because.map((each) => each.text), ...notes].join(' ')]
      : [title, `none of the six${instead.service ? `: ${instead.service.name}` : ''}`, instead.text];
  });
}
