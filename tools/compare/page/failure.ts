import { COMPUTES, type Compute } from '../../../workload/contract';
import type { Row } from '../../faults/run';
import { SCENARIO_NAMES, SCENARIOS_DO } from '../../faults/scenario';
import type { Template } from '../../templates';
import texts from '../data/failure.json';
import { type Rest, type Texts, textOf } from '../model/held';
import { byWay } from '../ways';
import { format } from './format';

/** `evidence/faults/results.json`. */
export interface FaultResults {
  readonly schema: 1;
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly seed: number | string;
  readonly rows: readonly Omit<Row, 'broken' | 'examples'>[];
}

/** What goes wrong, and what each way makes of it. */
export interface Scenario {
  readonly title: string;
  readonly ways: Readonly<Record<Compute, string>>;
}

/** What the fault run has of it: a scenario of the run, which of its faults, and what these are called. */
interface InFaultRun {
  readonly scenario: string;
  readonly faults: string;
  readonly what: string;
}

interface Written {
  readonly title: string;
  readonly ways: Texts<{ readonly text: string; readonly rests: readonly Rest[] }>;
  readonly measured?: readonly InFaultRun[];
}

/**
 * What follows a failure, and what came of it in the fault run, where that was measured.
 * @throws Error in one line, when a text of the file is no longer true
 */
export function scenarios(templates: Readonly<Record<Compute, Template>>, faults?: FaultResults): readonly Scenario[] {
  return (texts as unknown as readonly Written[]).map(({ title, ways, measured = [] }) => ({
    title,
    ways: byWay((way) => {
      const said = textOf('tools/compare/data/failure.json', title, ways, way, templates[way])?.text ?? 'none';
      return [said, ...measured.flatMap((each) => came(faults, way, each))].join(' ');
    }),
  }));
}

/** What the fault run has seen of a failure on a way: how many, and whether anything was lost. */
function came(faults: FaultResults | undefined, way: Compute, { scenario, faults: named, what }: InFaultRun): string[] {
  const row = faults?.rows.find((each) => each.scenario === scenario && each.way === way);
  if (!row) return [];
  const injected = Object.entries(row.faults).filter(([fault]) => new RegExp(named).test(fault));
  const count = injected.reduce((sum, [, times]) => sum + times, 0);
  const lost = row.lost === 0 ? 'none' : format.count(row.lost);
  return [`Measured: ${format.count(count)} ${what} in ${format.count(row.images)} images, ${lost} lost.`];
}

/** What the columns of {@link faultRows} say. */
export const FAULT_COLUMNS = [
  'holds',
  'images',
  'injected',
  'lost',
  'missing',
  'extra',
  'different',
  'outdated',
  'again',
  'took',
] as const;

export const FAULT_LEGEND =
  'Holds: whether every promise was kept. Lost: images without any result. Missing: renditions that are not there. ' +
  'Extra, different: objects that nobody asked for, or with other bytes than in a run without faults. Outdated: an ' +
  'older version where the newest should be. Again: redeliveries and further attempts, after waits that are cut to a second or two.';

/** What was done in each scenario of a run, in its order. */
export const faultScenarios = ({ rows }: FaultResults): readonly (readonly [name: string, does: string])[] =>
  Object.entries(SCENARIOS_DO).filter(([name]) => rows.some(({ scenario }) => scenario === name));

/** A sentence on the scenarios that are not in a run, because it left them out or is older than they are. */
export function faultsLeftOut({ rows }: FaultResults): string {
  const names = SCENARIO_NAMES.filter((name) => !rows.some(({ scenario }) => scenario === name));
  return names.length === 0 ? '' : ` Not measured in this run: ${names.join(', ')}.`;
}

/** One row for each scenario on each way, in the order of the run. */
export const faultRows = ({ rows }: FaultResults): readonly { scenario: string; way: Compute; cells: string[] }[] =>
  rows.flatMap(({ scenario, faults, ok, seconds, ...row }) => {
    const way = COMPUTES.find((one) => one === row.way);
    const cells = [
      ok ? 'yes' : 'no',
      format.count(row.images),
      format.count(Object.values(faults).reduce((sum, times) => sum + times, 0)),
      ...[row.lost, row.missing, row.extra, row.different, row.outdated, row.redelivered].map((each) =>
        format.count(each),
      ),
      format.duration(seconds),
    ];
    return way ? [{ scenario, way, cells }] : [];
  });
