import { type Screen, screenOf, TIED, table, wrapped } from '../terminal';
import type { Leftover } from './found';
import { isBilled, type Leftovers, MEMORY } from './leftovers';

/** What is left, for a person: what it is, what it costs, and how it is removed. */
export function report(leftovers: Leftovers, screen: Screen = screenOf(process.stdout)): string {
  const { found, shared, notLookedAt } = leftovers;
  const say = (text: string) => wrapped(text, screen.columns);
  const gaps = notLookedAt.map(({ what, why }) => say(`could not look at ${what}: ${why}`));
  const parts = [
    [...outcome(leftovers).map(say)],
    found.length > 0 ? [costs(found, screen)] : [],
    found.flatMap(({ id, why }) => (why ? [wrapped(`${id}: ${why}`, screen.columns, '  ').trimStart()] : [])),
    found.length > 0 ? [say(bill(found))] : [],
    ...(found.length > 0 ? removal(found, screen.columns) : []),
    ...(shared.length > 0
      ? [
          [say("CDK's bootstrap keeps bundles and images of all stacks. Which are of this one only cannot be told:")],
          [costs(shared, screen)],
          [say('This finds what no stack uses, once it is a day old, and asks before it deletes:')],
          ['  npx cdk gc --unstable=gc'],
        ]
      : []),
    gaps,
  ];
  return parts.flatMap((lines) => (lines.length > 0 ? [lines.join('\n')] : [])).join('\n\n');
}

/** The same in a line for each, for whoever shows what was saved. */
export const lines = ({ found, notLookedAt }: Leftovers): string[] => [
  ...found.map((each) => `${each.what}, ${each.id}: ${aMonth(each)}`),
  ...notLookedAt.map(({ what, why }) => `could not look at ${what}: ${why}`),
];

function outcome({ stack, region, found, notLookedAt, deletionFailed, destroyed }: Leftovers): string[] {
  const where = `${stack} in ${region}`;
  if (deletionFailed) return [`${where} could not be deleted, and this is still there:`];
  const when = destroyed ? `, deleted ${destroyed.slice(0, 16).replace('T', ' ')} UTC,` : '';
  const left = found.length > 0 ? 'this:' : `nothing${notLookedAt.length > 0 ? ' where this could look' : ''}.`;
  const unknown = `CloudFormation has deleted no stack ${where} in the last 90 days, as long as it remembers. Is this the right region?`;
  const isUnknown = destroyed === null && notLookedAt.every(({ what }) => what !== MEMORY);
  return [...(isUnknown ? [unknown] : []), `${where}${when} has left ${left}`];
}

function costs(leftovers: readonly Leftover[], screen: Screen): string {
  const rows = leftovers.map((each) => [each.what, each.id, aMonth(each)]);
  return table(['what', 'id', 'a month'], rows, 2, screen);
}

function aMonth({ usdPerMonth, bytes }: Leftover): string {
  if (usdPerMonth === 0) return 'nothing';
  const amount = usdPerMonth === null ? 'billed' : money(usdPerMonth);
  return bytes ? `${size(bytes)}, ${amount}` : amount;
}

const money = (usd: number) => (usd < 0.01 ? 'under US$0.01' : `US$${usd.toFixed(2)}`);

/** As AWS counts them. */
export function size(bytes: number): string {
  const units = ['bytes', 'KB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

function bill(found: readonly Leftover[]): string {
  const billed = found.filter(isBilled);
  if (billed.length === 0) return 'Nothing of it is billed.';
  const known = billed.flatMap(({ usdPerMonth }) => usdPerMonth ?? []);
  const sum = known.reduce((total, each) => total + each, 0);
  const unknown = billed.length - known.length;
  const parts = [
    ...(known.length > 0 ? [`${money(sum)} a month`] : []),
    ...(unknown > 0 ? [`${unknown} for which the price table here has no price`] : []),
  ];
  return `Billed until it is gone: ${parts.join(', and ')}.`;
}

/** Every command once, in lines that a shell takes. */
function removal(leftovers: readonly Leftover[], columns: number): string[][] {
  const commands = [...new Set(leftovers.flatMap(({ remove }) => remove))];
  if (commands.length === 0) return [['There is nothing to do but wait.']];
  return [['To remove it, in this order:'], commands.map((command) => broken(command, columns))];
}

/** Breaks a command between its options, and within one only if it is too long for a line. A word that is stays whole. */
export function broken(command: string, columns: number): string {
  const indent = '  ';
  const room = columns - 2 * indent.length - ' \\'.length;
  const tie = (text: string) => (text.length <= room ? text.replaceAll(' ', TIED) : text);
  const tied = command.replaceAll(/'[^']*'/g, (quoted) => quoted.replaceAll(' ', TIED));
  const lines = wrapped(
    tied
      .split(/ (?=--)/)
      .map(tie)
      .join(' '),
    room,
  ).split('\n');
  return lines.map((line, index) => indent.repeat(index === 0 ? 1 : 2) + line).join(' \\\n');
}
