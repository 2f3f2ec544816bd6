import path from 'node:path';
import { type Command, noPositionals, parse, print, ROOT } from '../command-line';
import { checkNoLinks, checkWritable, claimOrRefuse } from '../files';
import { screenOf, visible, wrapped } from '../terminal';
import { refreshPrices } from './refresh';

/** `npm run prices` */
export const prices: Command = async (args, stopSignal) => {
  noPositionals('prices', parse('prices', args, {}).positionals);
  const file = path.join(ROOT, 'tools/compare/data/prices.json');
  checkWritable(path.dirname(file), 'the price table is there; make it writable');
  checkNoLinks(ROOT, [path.relative(ROOT, file)]);
  await claimOrRefuse('results', file, `another run is refreshing ${file}: wait for its end`);
  const { columns } = screenOf(process.stdout);
  const signal = stopSignal();
  await refreshPrices({
    file,
    say: (line) => print(...wrapped(visible(line), columns).split('\n')),
    get: (url) => fetch(url, { signal }),
  });
  return 0;
};
