import path from 'node:path';
import { build, transform } from 'esbuild';

/** The page's scripts, each as one text: for the page and for its worker. */
export async function bundleScripts(): Promise<{ readonly client: string; readonly worker: string }> {
  const [client, worker] = await Promise.all(['client', 'worker'].map(bundle));
  return { client: client as string, worker: worker as string };
}

async function bundle(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(__dirname, 'browser', `${name}.ts`)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: ['chrome120', 'firefox121', 'safari17'],
    charset: 'utf8',
    // Licences of what is bundled stay with it.
    legalComments: 'inline',
    logLevel: 'silent',
  });
  const [file] = outputFiles;
  if (!file) throw new Error(`no bundle of ${name}: expected one file from esbuild`);
  return inScript(file.text);
}

/** JavaScript or JSON as the content of a script element, which only `</script` and `<!--` could end or confuse. */
export const inScript = (code: string): string => code.replace(/<(?=\/script|!--|script)/gi, '\\x3c');

/** JSON in a script element. */
export const jsonInScript = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

/** A style sheet without comments and blanks. */
export const minified = async (css: string): Promise<string> =>
  (await transform(css, { loader: 'css', minify: true })).code.trim();
