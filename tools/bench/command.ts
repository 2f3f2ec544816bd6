import path from 'node:path';
import { type Command, noPositionals, parse, print, ROOT, say } from '../command-line';
import { checkNoLinks, checkWritable, claimOrRefuse } from '../files';
import { missed, tables } from './report';
import { runBench } from './run';

/** `npm run bench` @param searchPath where installed peers are looked for, as in PATH */
export const bench =
  (searchPath: string): Command =>
  async (args, stopSignal) => {
    const { values, positionals } = parse('bench', args, {
      quick: { type: 'boolean', default: false },
      gate: { type: 'boolean', default: false },
      photos: { type: 'string' },
      out: { type: 'string' },
    });
    noPositionals('bench', positionals);
    // A quick run is not what the committed results are of.
    const out = path.resolve(values.out ?? path.join(ROOT, values.quick ? 'out/bench' : 'evidence/bench'));
    const other = 'name another folder with --out FOLDER';
    checkWritable(out, other);
    checkNoLinks(out, ['results.json', 'results.svg'], other);
    const dist = path.join(ROOT, 'node_modules/.cache/four-ways/bench-dist');
    await claimOrRefuse('bench', dist, 'another bench runs here, and each would measure the other: wait for its end');
    await claimOrRefuse('results', out, `another run is writing to ${out}: ${other}`);
    const results = await runBench({
      quick: values.quick,
      photos: values.photos,
      dist,
      out,
      searchPath,
      signal: stopSignal(),
      progress: process.stderr,
    });
    print(...tables(results).split('\n'));
    print(`written to ${path.relative('.', out) || '.'}/results.json, drawn in results.svg`);
    const failures = missed(results);
    for (const line of failures) say(line);
    return values.gate && failures.length > 0 ? 1 : 0;
  };
