import { FOUR_WAYS, type FourWay } from '../../lib/ways';
import type { Template } from '../templates';
import { type Architecture, architecture } from './diagram/architecture';
import { type Layout, layout } from './diagram/layout';
import { ASSUMED_SLOWDOWN, cost, type Measured, readFacts, readJob, readOwned, simulateWay, tables } from './model';
import type { Cost, Owned, ScaleResult } from './model/types';
import { type FaultResults, type Scenario, scenarios } from './page/failure';
import { costInputs, type Model, scaleInputs } from './page/results';
import { START, type State } from './page/state';
import { byWay, type ResourceSection, resourceSections, type Section, sourceSections } from './side-by-side';

/** What the comparison is made from. */
export interface Sources {
  readonly templates: Readonly<Record<FourWay, Template>>;
  /** The text of the stack files. */
  readonly stacks: Readonly<Record<FourWay, string>>;
  readonly measured: Measured;
  /** Absent until `npm run faults` has run. */
  readonly faults?: FaultResults;
}

/** Everything that the page and `COMPARISON.md` show. */
export interface Comparison {
  readonly templates: Readonly<Record<FourWay, Template>>;
  readonly model: Model;
  readonly state: State;
  /** YYYY-MM-DD. Of the prices: the first and the last day, where there are several. */
  readonly date: { readonly measured: string; readonly prices: string };
  readonly sections: readonly Section[];
  readonly resources: readonly ResourceSection[];
  readonly architectures: readonly Architecture[];
  readonly layout: Layout;
  readonly owned: readonly Owned[];
  readonly scenarios: readonly Scenario[];
  readonly costs: Readonly<Record<FourWay, Cost>>;
  /** Of one image, after hours without any. */
  readonly scale: Readonly<Record<FourWay, ScaleResult>>;
  readonly faults?: FaultResults;
}

/** Computes the comparison. Equal sources give an equal comparison. */
export async function compare({ templates, stacks, measured, faults }: Sources): Promise<Comparison> {
  const architectures = FOUR_WAYS.map((way) => architecture(way, templates[way]));
  const [job, places] = await Promise.all([readJob(), layout(architectures)]);
  const facts = readFacts(templates);
  const model: Model = { facts, tables, job, measured };
  const state: State = {
    ...START,
    slowdownLow: ASSUMED_SLOWDOWN.low,
    slowdownHigh: ASSUMED_SLOWDOWN.high,
    logBytesPerImage: job.logBytes,
    customMetrics: job.customMetrics,
  };
  const one = scaleInputs(model, { ...state, pattern: 'burst', images: 1, overSeconds: 0 });
  const days = tables.prices.prices.map(({ date }) => date).sort();
  const [first, last] = [days[0] ?? '', days.at(-1) ?? ''];
  return {
    templates,
    model,
    state,
    date: { measured: measured.date.slice(0, 10), prices: first === last ? first : `${first} to ${last}` },
    sections: sourceSections(stacks),
    resources: resourceSections(templates, stacks),
    architectures,
    layout: places,
    // As of the day of the measurements: equal sources give an equal comparison on any day.
    owned: readOwned(facts, templates, new Date(measured.date)),
    scenarios: scenarios(templates, facts, faults),
    costs: byWay((way) => cost(facts[way], tables, costInputs(model, state))),
    scale: byWay((way) => simulateWay(facts[way], tables, one)),
    ...(faults && { faults }),
  };
}
