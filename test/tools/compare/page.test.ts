import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { parseHTML } from 'linkedom';
import { type Comparison, compare } from '../../../tools/compare/comparison';
import { limits } from '../../../tools/compare/data/tables';
import { draw } from '../../../tools/compare/page/charts';
import { amountText, axisTicks, figureText, format, rangeText } from '../../../tools/compare/page/format';
import { page } from '../../../tools/compare/page/page';
import {
  anchor,
  answer,
  chooserModel,
  longestJobLegend,
  mapSaid,
  typically,
  typicalRows,
} from '../../../tools/compare/page/results';
import { CONTROLS, fromHash, fromSlider, inputOf, START, toHash, toSlider } from '../../../tools/compare/page/state';
import { PRESETS } from '../../../tools/compare/page/tables';
import { text } from '../../../tools/html';
import { COMPUTES } from '../../../workload/contract';
import { choices, comparison, faults, sources } from './sources';

let made: Comparison;
let html: string;
beforeAll(async () => {
  made = await comparison();
  html = await page(made);
});

describe('the page', () => {
  test('is one file of less than 350 kB as it is sent, and names nothing outside', () => {
    expect(gzipSync(html).length).toBeLessThan(350_000);
    const { document } = parseHTML(html);
    expect([...document.querySelectorAll('link, img, iframe, [src]')]).toEqual([]);
    expect(html).not.toMatch(/@import|url\((?!#)/);
    // The library that draws, and the prices, each once.
    expect(html.split('observablehq').length).toBeLessThan(3);
    expect(html.split('"id":"fargate.vcpu-hour"').length).toBe(html.split('"id":"fargate.vcpu-hour","region"').length);
  });

  test('runs no script but its own: the policy has its hash', () => {
    const { document } = parseHTML(html);
    const policy = document.querySelector('meta[http-equiv]')?.getAttribute('content') ?? '';
    const script = /<script>(.*)<\/script>/s.exec(html)?.[1] ?? '';
    expect(policy).toContain(`script-src 'sha256-${createHash('sha256').update(script).digest('base64')}' blob:`);
    expect(policy).toContain("default-src 'none'");
    expect(html.match(/<script[ >]/g)).toHaveLength(3);
  });

  test('reads without scripts: answer, grid, map, charts and a table of answers are there, controls are not', () => {
    const { document } = parseHTML(html);
    const count = (selector: string) => document.querySelectorAll(selector).length;
    for (const name of ['scale-backlog', 'scale-units']) {
      expect(count(`[data-slot="${name}"] svg[role="img"][aria-label]`)).toBe(2);
    }
    for (const slot of document.querySelectorAll('[data-slot]')) expect(slot.innerHTML).not.toBe('');
    expect(count('.grid > li')).toBe(6);
    expect(count('.grid > [data-tag="the answer"]')).toBe(1);
    expect(count('.diagrams svg')).toBe(6);
    expect(count('.map [data-at]')).toBe(made.map.length);
    expect(count('form')).toBe(count('form[hidden]'));
    expect(count('noscript tbody tr')).toBe(PRESETS.length);
  });

  test('says no more than 2,500 words before anything is unfolded, and one sentence for each part', () => {
    const { document } = parseHTML(html);
    const folded = [...document.querySelectorAll('details')].filter((each) => !each.parentElement?.closest('details'));
    for (const each of folded) {
      if (each.classList.contains('part')) expect(each.querySelector('summary .said')?.textContent).toMatch(/\w.*\.$/);
      for (const child of [...each.children]) if (child.localName !== 'summary') child.remove();
    }
    for (const each of document.querySelectorAll('script, style, noscript')) each.remove();
    const words = document.body.textContent.split(/\s+/).filter((word: string) => /\w/.test(word)).length;
    expect(words).toBeGreaterThan(300);
    expect(words).toBeLessThan(2500);
  });

  test('has in its grid what COMPARISON.md has, typically, and apart from it what is the same everywhere', () => {
    const { document } = parseHTML(html);
    for (const way of COMPUTES) {
      const said = [...document.querySelectorAll(`.grid > .${way} dd`)].map(({ textContent }) => textContent);
      const typical = typically(made.model, made.state, way);
      expect(said).toEqual(typical && typicalRows(typical).map(([, each]) => each));
      expect(made.costs[way].usdPerMillion?.typical).toBeCloseTo(typical?.millionUsd ?? 0, 6);
    }
    expect(document.querySelector('[data-slot="choice"]')?.textContent).toMatch(
      /About \$\d+ a month in all: \$\d+ to run it here, \$\d+ for S3 and the dashboard, the same whichever way/,
    );
  });

  test('has a column for each of the six ways in every table that is of the ways', () => {
    const { document } = parseHTML(html);
    const heads = [...document.querySelectorAll('table.data thead tr')].map(
      (row) => row.querySelectorAll('.way').length,
    );
    expect(heads.filter((ways) => ways > 0).length).toBeGreaterThan(4);
    expect(heads.filter((ways) => ways > 0 && ways !== 6)).toEqual([]);
  });

  test('says of every way what ends a job', () => {
    const { document } = parseHTML(html);
    const rows = [...document.querySelectorAll('#scale tr')].filter(({ textContent }) =>
      /^longest job/.test(textContent),
    );
    const facts = [...(rows[0]?.querySelectorAll('td') ?? [])].map(({ textContent }) => textContent);
    expect(facts.filter((fact) => /^(12 h; 90 s once its|1 min; up to)/.test(fact))).toHaveLength(6);
    expect(html).toContain(text(longestJobLegend(made.model)));
  });

  test('leads every reason of every answer to a place on itself', () => {
    const ids = new Set([...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    const all = choices(chooserModel(made.model, made.state));
    const rests = all.flatMap(({ because, against }) =>
      [because, ...Object.values(against)].flat().map(({ restsOn }) => restsOn),
    );
    expect(rests.length).toBeGreaterThan(50);
    expect([...new Set(rests)].filter((each) => !ids.has(anchor(each)))).toEqual([]);
  });

  test('has no id twice, and no link to an id that is not there', () => {
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
    const [document = ''] = html.split('<script');
    const links = [...document.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id);
    expect(links.filter((id) => !ids.includes(id))).toEqual([]);
  });

  test('says of every price, delay and limit where it was seen, when that is not its source', () => {
    const { document } = parseHTML(html);
    const { tables } = made.model;
    const seen = [...Object.values(tables.delays), ...tables.prices.prices, ...limits].flatMap(({ via }) => via ?? []);
    const said = document.querySelector('#sources')?.textContent ?? '';
    expect(seen.length).toBeGreaterThan(9);
    for (const via of seen) expect(said).toContain(via.replace(/https:\/\/([^/\s]+)[^\s,;]*/g, '$1'));
  });

  test('says what is not measured, and shows it when it is', async () => {
    expect(html).toContain('Not measured: <code>npm run faults</code>');
    const measured = await page(await compare({ ...sources(), faults }));
    expect(measured).toContain('<b>kill</b>');
    expect(/class="unmeasured"/.test(measured)).toBe(false);
    expect(measured).toMatch(/Not measured in this run: .*outage/);
  });

  test('escapes what it is made from', async () => {
    const hostile = '"><script>alert(1)</script><!--';
    const given = sources();
    const { stacks, measured } = given;
    const evil = await page(
      await compare({
        ...given,
        stacks: { ...stacks, ec2: stacks.ec2.replace('// 9. Outputs', `// 9. Outputs\n    // ${hostile}`) },
        measured: { ...measured, machine: { ...measured.machine, cpu: hostile } },
        faults: { ...faults, rows: faults.rows.map((row) => ({ ...row, scenario: hostile })) },
      }),
    );
    expect(evil).not.toContain('<script>alert');
    expect(evil.match(/<script[ >]/g)).toHaveLength(3);
    expect(evil).toContain('&#34;&#62;&#60;script&#62;alert(1)');
  });
});

describe('a question', () => {
  test('is answered in its places', () => {
    for (const [part, place] of [
      ['cost', 'cost-summary'],
      ['scale', 'scale-summary'],
      ['choose', 'choice'],
    ] as const) {
      const { slots, error } = answer(made.model, { part, state: made.state, question: 1 });
      expect([error, slots[place]?.html]).toEqual([undefined, expect.stringContaining('class="way ')]);
    }
  });

  test.each(CONTROLS.filter(({ kind, group }) => kind === 'select' && group !== 'scale'))(
    'of $name has an answer in every part, whatever is chosen',
    (control) => {
      for (const [value] of control.kind === 'select' ? control.options : []) {
        const state = { ...made.state, [control.name]: value };
        for (const part of ['choose', 'cost'] as const) {
          expect([value, answer(made.model, { part, state, question: 1 }).error]).toEqual([value, undefined]);
        }
      }
    },
  );

  test('that a platform cannot do has no figures, and the limit instead', () => {
    const { slots } = answer(made.model, { part: 'choose', state: { ...made.state, lasts: 'hours' }, question: 1 });
    const { document } = parseHTML(`<html><body>${slots.grid?.html}</body></html>`);
    expect(document.querySelectorAll('.grid > .lambda dd')).toHaveLength(0);
    expect(document.querySelector('.grid > .lambda .out')?.textContent).toContain(
      'An invocation ends after 15 minutes.',
    );
    expect(document.querySelectorAll('.grid > .ec2 dd')).toHaveLength(4);
  });

  test('that cannot be answered says why', () => {
    const state = { ...made.state, outputFormat: 'gif' as 'webp' };
    expect(answer(made.model, { part: 'cost', state, question: 1 })).toEqual({
      part: 'cost',
      question: 1,
      slots: {},
      error: 'No result: no image was measured from any format to gif',
    });
  });
});

describe('controls', () => {
  test('are all of what can be changed, each once', () => {
    expect(CONTROLS.map(({ name }) => name).sort()).toEqual(Object.keys(made.state).sort());
  });

  test('start within their limits', () => {
    for (const control of CONTROLS) {
      const value = made.state[control.name];
      if (control.kind === 'slider') {
        const position = toSlider(control.scale, Number(value));
        expect([control.name, position >= control.min, position <= control.max]).toEqual([control.name, true, true]);
        expect([control.name, fromSlider(control.scale, position)]).toEqual([control.name, value]);
      }
      if (control.kind === 'number') {
        expect([control.name, Number(value) >= control.min && Number(value) <= control.max]).toEqual([
          control.name,
          true,
        ]);
      }
      if (control.kind === 'select') {
        expect(control.options.map(([each]) => each)).toContain(value);
      }
    }
    expect(START.imagesPerMonth).toBe(1e6);
  });
});

describe('an address', () => {
  test('says what differs from the start, and nothing at the start', () => {
    expect(toHash(START, {})).toBe('');
    expect(toHash({ ...START, imagesPerMonth: 3e6, people: 'nobody' }, { open: 'cost' })).toBe(
      'people=nobody&imagesPerMonth=3000000&open=cost',
    );
  });

  test.each(CONTROLS)('brings back $name', (control) => {
    const other =
      control.kind === 'checkbox'
        ? !START[control.name]
        : control.kind === 'select'
          ? control.options.at(-1)?.[0]
          : control.kind === 'slider' && control.scale === 'log'
            ? 10 ** control.max
            : control.max;
    const state = { ...START, [control.name]: other };
    expect(fromHash(`#${toHash(state, { at: 'limit-sqs.receive' })}`)).toEqual({
      state,
      view: { open: '', at: 'limit-sqs.receive', pair: '' },
    });
  });

  test.each(['imagesPerMonth=-1', 'imagesPerMonth=1.5', 'imagesPerMonth=', 'people=me', 'x86=yes', 'a=b', '%=%', '='])(
    'with %s is read as what it opens with',
    (hash) => {
      expect(fromHash(`#${hash}`).state).toEqual(START);
    },
  );

  test('of a single word is a place on the page', () => {
    expect(fromHash('#cost')).toEqual({ state: START, view: { at: 'cost' } });
  });

  test('has numbers as a field takes them', () => {
    const memory = CONTROLS.find(({ name }) => name === 'memoryGb');
    if (!memory) throw new Error('memoryGb');
    expect(['2.5', '', 'x', '0', '1e9'].map((said) => inputOf(memory, said))).toEqual([
      2.5,
      ...Array(4).fill(undefined),
    ]);
  });
});

test('a map says who is alone in front where images come one by one, and until when', () => {
  const cell = (imagesPerMonth: number, ...contenders: (typeof COMPUTES)[number][]) => ({
    ...{ imagesPerMonth, imagesPerBurst: 1, contenders },
  });
  const plain = (said: string) => said.replace(/<[^>]+>/g, '');
  expect(plain(mapSaid([cell(1e3, 'lambda'), cell(1e4, 'lambda', 'ec2'), cell(1e5, 'ec2')]))).toMatch(
    /^One by one, . Lambda is clearly the cheapest up to 1K images a month; from 100K on it is . EC2\.$/,
  );
  expect(plain(mapSaid([cell(1e3, 'lambda')]))).toMatch(/up to 1K images a month\.$/);
  expect(mapSaid([cell(1e3, 'lambda', 'ec2')])).toMatch(/^One by one, no way is clearly/);
});

test('a line of what waits falls for as long as units work', () => {
  const { slots } = answer(made.model, { part: 'scale', state: made.state, question: 1 });
  for (const { way, points } of slots['scale-backlog']?.chart?.series ?? []) {
    const falling = points.map(({ y }) => y).filter((waiting) => waiting > 0 && waiting < 9900);
    // Two moments of the chart may be nearer to each other than two of the simulation.
    const still = falling.filter((waiting, i) => waiting === falling[i + 1] && waiting === falling[i + 2]);
    expect([way, ...still]).toEqual([way]);
  }
});

test('a line of what waits ends at zero, and each way has one', () => {
  const { slots } = answer(made.model, { part: 'scale', state: made.state, question: 1 });
  const series = slots['scale-backlog']?.chart?.series ?? [];
  expect(series.map(({ way }) => way)).toEqual(COMPUTES);
  const ends = series.map(({ points }) => points.findLast(({ y }) => Number.isFinite(y))?.y);
  expect(ends).toEqual(COMPUTES.map(() => 0));
});

describe('numbers', () => {
  test.each([
    ['usd', 0, '$0'],
    ['usd', 0.1, '$0.10'],
    ['usd', 0.00042, '$0.00042'],
    ['usd', 5, '$5'],
    ['usd', 138.2, '$138'],
    ['usd', 12_345, '$12.3K'],
    ['count', 1_234_567, '1.23M'],
    ['count', 0.5, '0.5'],
    ['duration', 0, '0 s'],
    ['duration', 0.42, '420 ms'],
    ['duration', 60, '1 min'],
    ['duration', 100, '100 s'],
    ['duration', 600, '10 min'],
    ['duration', 3600, '1 h'],
    ['duration', 172_800, '2 d'],
    ['clock', 46_800, '13:00'],
    ['clock', 29_700, '08:15'],
    ['clock', 86_400, '24:00'],
  ] as const)('%s of %d is %s', (as, value, said) => {
    expect(format[as](value)).toBe(said);
  });

  test.each([
    [60.4, 125, 'duration', '60.4 s to 2.08 min'],
    [120, 180, 'duration', '2 to 3 min'],
    [5, 5.001, 'usd', '$5'],
    [5, 6, 'usd', '$5 to $6'],
  ] as const)('%d to %d is a range in words', (low, high, as, said) => {
    expect(rangeText({ low, high }, as)).toBe(said);
  });

  test.each([
    [{ low: 20.4, typical: 27.2, high: 53.1 }, 'usd', '$27 ($20 to $53)'],
    [{ low: 3.6, typical: 3.6, high: 3.601 }, 'usd', '$3.60'],
    [{ low: 30.9, typical: 110, high: 240 }, 'duration', '110 s (31 s to 4 min)'],
  ] as const)('%j as %s is what is typical, and how far it may be off', (figure, as, said) => {
    expect(figureText(figure, as)).toBe(said);
  });

  test.each([
    [{ low: 1, high: 60, unit: 'seconds' }, '1 to 60 s'],
    [{ low: 1000, high: 1000, unit: 'count' }, '1,000'],
    [{ low: 100, high: 100, unit: 'count per second' }, '100 a second'],
    [{ low: 0, high: 0.01, unit: 'ratio' }, '0 to 1 %'],
    [{ low: 1769, high: 1769, unit: 'mib' }, '1,769 MiB'],
  ] as const)('%j is an amount in words', (delay, said) => {
    expect(amountText(delay)).toBe(said);
  });

  test('ticks stand at round numbers', () => {
    expect(axisTicks([100, 1e10], { scale: 'log', format: 'count' }, 9)).toEqual([
      1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
    ]);
    expect(axisTicks([1, 4000], { scale: 'log', format: 'duration' }, 9)).toEqual([1, 10, 60, 600, 3600]);
    expect(axisTicks([0, 10_400], { scale: 'linear', format: 'count' }, 5)).toEqual([0, 5000, 10_000]);
    expect(axisTicks([0, 86_400], { scale: 'linear', format: 'clock' }, 4)).toEqual([
      0, 21_600, 43_200, 64_800, 86_400,
    ]);
  });
});

test('a chart has one name, for those who do not see it', () => {
  const { document } = parseHTML('<html></html>');
  const { slots } = answer(made.model, { part: 'scale', state: made.state, question: 1 });
  const chart = slots['scale-units']?.chart;
  if (!chart) throw new Error('no chart');
  const drawn = draw(chart, document, 600).outerHTML;
  expect(drawn).toMatch(/^<svg [^>]*role="img"/);
  expect(drawn.match(/aria-label="/g)).toHaveLength(1);
  expect(drawn).toContain(chart.title);
});
