import { FOUR_WAYS } from '../../../lib/ways';
import { type Comparison, compare, type Sources, type Templates } from '../../../tools/compare/comparison';
import { type Choice, type ChooserModel, choose } from '../../../tools/compare/model/choose';
import { type Needs, ordinary } from '../../../tools/compare/model/needs';
import type { FaultResults } from '../../../tools/compare/page/failure';
import { CONTROLS } from '../../../tools/compare/page/state';
import { stackSources } from '../../../tools/compare/questions';
import { byWay } from '../../../tools/compare/ways';
import { templates as synthesized } from '../../../tools/templates';
import { templates } from '../../support/templates';
import { measured } from './model/fixtures';

/** What the comparison is made from, in tests: the real stacks, and measurements that nobody has made. */

export const faults: FaultResults = {
  schema: 1,
  date: '2026-11-02',
  seed: 7,
  rows: FOUR_WAYS.map((way) => ({
    scenario: 'kill',
    way,
    images: 200,
    faults: { 'after get': 12 },
    measured: {},
    lost: 0,
    missing: 0,
    extra: 0,
    different: 0,
    outdated: 0,
    redelivered: 9,
    seconds: 61,
    ok: true,
  })),
};

let asForProduction: Templates | undefined;

/** The stacks as `-c production=true` makes them: once for each test file. */
export function production(): Templates {
  asForProduction ??= synthesized({ production: true });
  return asForProduction;
}

/** Fresh each time: tests change the sandbox. */
export const sources = () =>
  ({
    sandbox: templates(),
    production: production(),
    stacks: stackSources(),
    measured,
    seen: byWay(() => 'not yet seen on AWS'),
  }) satisfies Sources;

let unchanged: Promise<Comparison> | undefined;

/** Of the unchanged sources, computed once for each test file. */
export function comparison(): Promise<Comparison> {
  unchanged ??= compare(sources());
  return unchanged;
}

/** What the questions lead to when one of them is answered otherwise, each in turn, and the box is not the figures'. */
export function choices(model: ChooserModel): (Choice & { readonly needs: Needs })[] {
  const asked = CONTROLS.filter(({ name }) => name in ordinary && !/^images|^account/.test(name));
  const answered = asked.flatMap((control): Partial<Needs>[] => {
    if (control.kind === 'select') return control.options.map(([value]) => ({ [control.name]: value }));
    return [{ [control.name]: control.kind === 'number' ? control.max : true }];
  });
  const both = answered.map((each) => ({ ...each, people: 'nobody' as const }));
  return [...answered, ...both].map((each) => {
    const needs: Needs = { ...ordinary, internet: false, ...each };
    return { ...choose(model, needs), needs };
  });
}
