import { COMPUTES, type Compute } from '../../workload/contract';
import type { Template } from '../templates';
import { tables } from './data/tables';
import { type Architecture, architecture } from './diagram/architecture';
import { burst } from './model/arrivals';
import type { Cell, Cost } from './model/cost';
import { readFacts } from './model/facts';
import type { Measured } from './model/fit';
import { readJob } from './model/job';
import { type Owned, readOwned } from './model/owned';
import { type FaultResults, type Scenario, scenarios } from './page/failure';
import { costsOf, type Model, mapOf, type Outcome, outcome } from './page/results';
import { START, type State } from './page/state';
import { answeredBy, type Question } from './questions';
import { byWay } from './ways';

export type Templates = Readonly<Record<Compute, Template>>;

/** What the comparison is made from. */
export interface Sources {
  readonly sandbox: Templates;
  /** As `-c production=true` makes them. */
  readonly production: Templates;
  /** The text of the stack files. */
  readonly stacks: Readonly<Record<Compute, string>>;
  readonly measured: Measured;
  /** Absent until `npm run faults` has run. */
  readonly faults?: FaultResults;
  /** What may be said of each way on AWS. */
  readonly seen: Readonly<Record<Compute, string>>;
}

/** Everything that the page and `COMPARISON.md` show. */
export interface Comparison {
  readonly model: Model;
  readonly state: State;
  /** YYYY-MM-DD. Of the prices: the first and the last day, where there are several. */
  readonly date: { readonly measured: string; readonly prices: string };
  readonly stacks: Sources['stacks'];
  readonly questions: readonly Question[];
  readonly architectures: readonly Architecture[];
  readonly owned: readonly Owned[];
  readonly scenarios: readonly Scenario[];
  readonly costs: Readonly<Record<Compute, Cost>>;
  readonly map: readonly Cell[];
  /** Of one image, after hours without any. */
  readonly one: Readonly<Record<Compute, Outcome>>;
  readonly faults?: FaultResults;
  readonly seen: Sources['seen'];
}

/** Computes the comparison. Equal sources give an equal comparison. */
export async function compare({ sandbox, production, stacks, measured, faults, seen }: Sources): Promise<Comparison> {
  const facts = { sandbox: readFacts(sandbox), production: readFacts(production) };
  const model: Model = { facts, tables, job: await readJob(), measured };
  const days = tables.prices.prices.map(({ date }) => date).sort();
  const [first, last] = [days[0] ?? '', days.at(-1) ?? ''];
  return {
    model,
    state: START,
    date: { measured: measured.date.slice(0, 10), prices: first === last ? first : `${first} to ${last}` },
    stacks,
    seen,
    questions: answeredBy(stacks),
    architectures: COMPUTES.map((way) => architecture(way, sandbox[way])),
    // As of the day of the measurements: equal sources give an equal comparison on any day.
    owned: readOwned(sandbox, new Date(measured.date)),
    scenarios: scenarios(sandbox, faults),
    // Of what it opens with: all of them can do it.
    costs: costsOf(model, START) as Comparison['costs'],
    map: mapOf(model, START),
    one: byWay((way) => outcome(model, START, way, burst(1))),
    ...(faults && { faults }),
  };
}
