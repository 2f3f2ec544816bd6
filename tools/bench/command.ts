import path from 'node:path';
import { type Command, interruptible, noPositionals, parse, ROOT, say } from '../command-line';
import { missed, tables } from './report';
import { runBench } from './run';

/** `npm run bench` @param searchPath where installed peers are looked for, as in PATH */
export const bench =
  (searchPath: string): Command =>
  (args) =>
    interruptible(async (signal) => {
      const { values, positionals } = parse('bench', args, {
        quick: { type: 'boolean', default: false },
        gate: { type: 'boolean', default: false },
        photos: { type: 'string' },
        out: { type: 'string' },
      });
      noPositionals('bench', positionals);
      // A quick run is not what the committed results are of.
      const out = path.resolve(values.out ?? path.join(ROOT, values.quick ? 'out/bench' : 'evidence/bench'));
      const results = await runBench({
        quick: values.quick,
        photos: values.photos,
        dist: path.join(ROOT, 'node_modules/.cache/four-ways/bench-dist'),
        out,
        searchPath,
        signal,
        progress: process.stderr,
      });
      console.log(tables(results));
      console.log(`written to ${path.relative('.', out) || '.'}/results.json, drawn in results.svg`);
      const failures = missed(results);
      for (const line of failures) say(line);
      return values.gate && failures.length > 0 ? 1 : 0;
    });
