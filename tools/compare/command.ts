import { type Command, noPositionals, parse, ROOT } from '../command-line';
import { makeComparison, write } from './run';

/** `npm run compare` */
export const compare: Command = async (args) => {
  const { values, positionals } = parse('compare', args, { json: { type: 'boolean', default: false } });
  noPositionals('compare', positionals);
  const { files, json } = await makeComparison(ROOT);
  write(ROOT, files);
  for (const { file, text } of files) console.log(`${file}  ${(Buffer.byteLength(text) / 1000).toFixed(0)} kB`);
  if (values.json) console.log(json);
  return 0;
};
