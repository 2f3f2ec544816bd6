import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseHTML } from 'linkedom';
import { checkout, end, start } from '../support/command-line';
import { cornered } from '../support/pictures';

/** What a name, an argument or a variable that somebody else has chosen does to the reader's terminal: nothing. */

/** Clears the screen, renames the window, begins a line, turns around, in two encodings of escape; and HTML. */
const HOSTILE =
  'x\x1b[2J\x1b]0;mine\x07\r\nfour-ways: all is well\u202e\u2066\u2028\u009b31m\x7f\u{e0041}<img src=x>"&\'';

/** What is invisible, reorders its neighbours or commands a terminal, other than the end of a line. */
const COMMANDS_TERMINAL = /(?![\n\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

// Windows allows no such names.
const onUnix = process.platform === 'win32' ? describe.skip : describe;

let folder: string;
let root: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'hostile-'));
  root = checkout(path.join(folder, 'checkout'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const SWITCHES = { CDK_CONTEXT_JSON: JSON.stringify({ production: HOSTILE }) };

onUnix('of what strangers have chosen, nothing reaches the terminal as it is', () => {
  test.each<[name: string, args: string[], env?: Record<string, string>]>([
    ['the name of a command', [HOSTILE]],
    ['the name of an option', ['local', `--${HOSTILE}`]],
    ['the value of an option', ['local', '--ways', HOSTILE]],
    ['a number', ['faults', '--scale', HOSTILE]],
    ['a file', ['local', HOSTILE]],
    ['a folder for results', ['bench', '--out', `${HOSTILE}/../package.json/${HOSTILE}`]],
    ['an argument too many', ['doctor', HOSTILE]],
    ['a stack', ['replay', HOSTILE, HOSTILE]],
    ['a way', ['take', HOSTILE, 'x']],
    ['a name', ['take', 'lambda', 'x', '--name', HOSTILE]],
    ['a region', ['replay', '--region', HOSTILE, 'ResizeOnLambda']],
    ['the folder that npm was called from', ['doctor'], { npm_lifecycle_event: 'doctor', INIT_CWD: HOSTILE }],
    ['a switch of the CDK app', ['bin/app.ts'], SWITCHES],
  ])('%s', async (_, args, ...[env]) => {
    const { code, stdout, stderr } = await end(start(args, root, env));
    expect(stdout).toBe('');
    expect(stderr).not.toMatch(COMMANDS_TERMINAL);
    expect(stderr).toMatch(/^.*x\[U\+001B\]\[2J.*\n$|^.*x\\u001b\[2J.*\n$/);
    expect([1, 2]).toContain(code);
  });

  test('files, their folders, and the folder for their results, in a run', async () => {
    const [pictures, out] = ['pictures', 'out'].map((name) => path.join(folder, `${name} ${HOSTILE}`)) as [
      string,
      string,
    ];
    mkdirSync(path.join(pictures, HOSTILE), { recursive: true });
    await cornered(200, 100)
      .png()
      .toFile(path.join(pictures, HOSTILE, `${HOSTILE}.png`));
    writeFileSync(path.join(pictures, HOSTILE, `${HOSTILE}.txt`), 'not a picture');
    symlinkSync(HOSTILE, path.join(pictures, `circle ${HOSTILE}`));
    execFileSync('mkfifo', [path.join(pictures, `pipe ${HOSTILE}`)]);
    const args = ['local', pictures, '--ways', 'lambda', '--json', '--out', out];
    const { code, stdout, stderr } = await end(start(args, root));
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringMatching(COMMANDS_TERMINAL) });
    expect(stdout).not.toMatch(COMMANDS_TERMINAL);
    expect(stderr).not.toMatch(/^four-ways: all is well/m);
    expect(stderr.match(/^skipped .*\[U\+000A\].*: (?:a link to a folder|not a file)/gm)).toHaveLength(2);
    expect(stdout).toMatch(/^results in .*out x\[U\+001B\]\[2J.*side by side in .*index\.html$/m);

    const page = readFileSync(path.join(out, 'index.html'), 'utf8');
    expect(page).not.toMatch(COMMANDS_TERMINAL);
    const { document } = parseHTML(page);
    const names = [...document.querySelectorAll('h3')].map(({ textContent }) => textContent);
    expect(names).toHaveLength(2);
    for (const name of names) expect(name).toContain('[U+202E]');
    const images = [...document.querySelectorAll('img')];
    expect(images.map((image) => image.getAttribute('src')?.slice(0, 9))).toEqual(['./lambda/']);
    for (const image of images) {
      expect(existsSync(path.join(out, decodeURIComponent(image.getAttribute('src') as string)))).toBe(true);
    }
  });
});
