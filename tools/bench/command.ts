import path from 'node:path';
import { type Command, noPositionals, parse, ROOT, say } from '../command-line';
import { checkWritable, claimOrRefuse } from '../files';
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
    checkWritable(out, 'name another folder with --out FOLDER');
    const dist = path.join(ROOT, 'node_modules/.cache/four-ways/bench-dist');
    await claimOrRefuse('bench', dist, 'another bench runs here, and each would measure the other: wait for its end');
    await claimOrRefuse('results', out, `another run is writing to ${out}: name another folder with --out FOLDER`);
    const results = await runBench({
      quick: values.quick,
      photos: values.photos,
      dist,
      out,
      searchPath,
      signal: stopSignal(),
      progress: process.stderr,
    });
    console.log(tables(results));
    console.log(`written to ${path.relative('.', out) || '.'}/results.json, drawn in results.svg`);
    const failures = missed(results);
    for (const line of failures) say(line);
    return values.gate && failures.length > 0 ? 1 : 0;
  };
